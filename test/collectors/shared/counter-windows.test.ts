/** Counts are never negative, never span a restart, and never take a reset for traffic. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CounterWindow, CounterWindows } from '../../../collectors/shared/counter-windows.ts';

type Counters = Record<string, number>;

function observer(windows = new CounterWindows()) {
  return (atMs: number, counters: Counters, epoch = 'run-1', series = 's') => {
    const window = windows.observe(series, epoch, atMs, new Map(Object.entries(counters)));
    return typeof window === 'string' ? window : { ms: window.windowMs, ...Object.fromEntries(window.counts) };
  };
}

test('differences within a window; a counter that is new counts from zero', () => {
  const look = observer();
  assert.equal(look(1000, { get: 10 }), 'warming');
  assert.deepEqual(look(3000, { get: 15, set: 4 }), { ms: 2000, get: 5, set: 4 });
  assert.deepEqual(look(4000, { get: 15, set: 4 }), { ms: 1000, get: 0, set: 0 });
});

test('a restart is a reset, also when the counters have grown past their old values', () => {
  const look = observer();
  look(1000, { get: 10 });
  assert.equal(look(2000, { get: 1_000_000 }, 'run-2'), 'reset');
  assert.deepEqual(look(3000, { get: 1_000_005 }, 'run-2'), { ms: 1000, get: 5 });
});

test('a failover to another process and back is a reset each time', () => {
  const look = observer();
  look(0, { get: 1 });
  assert.equal(look(1000, { get: 500 }, 'run-2'), 'reset');
  assert.equal(look(2000, { get: 3 }), 'reset');
  assert.deepEqual(look(3000, { get: 4 }), { ms: 1000, get: 1 });
});

test('CONFIG RESETSTAT: a counter that went back', () => {
  const look = observer();
  look(0, { get: 100, set: 5 });
  assert.equal(look(1000, { get: 3, set: 5 }), 'reset');
  assert.deepEqual(look(2000, { get: 4, set: 9 }), { ms: 1000, get: 1, set: 4 });
});

test('CONFIG RESETSTAT: one that vanished, while another grew past its old value', () => {
  const look = observer();
  look(0, { get: 100, ping: 1 });
  assert.equal(look(10_000, { get: 900 }), 'reset');
  assert.deepEqual(look(11_000, { get: 910, ping: 1 }), { ms: 1000, get: 10, ping: 1 });
});

test('a clock that stands still or goes back is a reset, and counts go on from there', () => {
  const look = observer();
  look(5000, { get: 1 });
  assert.equal(look(5000, { get: 2 }), 'reset');
  assert.equal(look(1000, { get: 3 }), 'reset');
  assert.deepEqual(look(2000, { get: 5 }), { ms: 1000, get: 2 });
});

test('a peer that leaves is forgotten and begins anew when it returns; the others go on', () => {
  const windows = new CounterWindows();
  const look = observer(windows);
  look(0, { get: 1 }, 'r', 'a/calls');
  look(0, { get: 1 }, 'r', 'b/calls');
  windows.retain((series) => series.startsWith('b/'));
  assert.equal(look(60_000, { get: 1_000_000 }, 'r', 'a/calls'), 'warming');
  assert.deepEqual(look(60_000, { get: 7 }, 'r', 'b/calls'), { ms: 60_000, get: 6 });
});

test('names of counters are names, whatever they are', () => {
  const windows = new CounterWindows();
  const counters = (n: number) =>
    new Map([
      ['__proto__', n],
      ['constructor', n],
      ['', n],
    ]);
  windows.observe('__proto__', 'e', 0, counters(1));
  const window = windows.observe('__proto__', 'e', 1, counters(3)) as CounterWindow;
  assert.deepEqual([...window.counts.values()], [2, 2, 2]);
});

test('whatever happens to a server, no count is negative or above what was counted since the last look', () => {
  const event = fc.record({
    what: fc.constantFrom('traffic', 'traffic', 'traffic', 'reset', 'restart', 'clock back', 'gone'),
    get: fc.nat(1000),
    set: fc.nat(1000),
    ms: fc.integer({ min: 1, max: 10_000 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const windows = new CounterWindows();
      let counters: Counters = {};
      let [atMs, run] = [1e6, 0];
      for (const { what, get, set, ms } of events) {
        atMs += what === 'clock back' ? -ms : ms;
        if (what === 'restart') run++;
        if (what === 'gone') windows.retain(() => false);
        if (what === 'restart' || what === 'reset') counters = {};
        counters = { ...counters };
        if (get > 0) counters['get'] = (counters['get'] ?? 0) + get;
        if (set > 0) counters['set'] = (counters['set'] ?? 0) + set;
        const window = windows.observe('s', String(run), atMs, new Map(Object.entries(counters)));
        if (typeof window === 'string') continue;
        assert.ok(window.windowMs > 0);
        assert.ok(!['restart', 'clock back', 'gone'].includes(what), what);
        // After a reset that left no trace the counts are too low, never too high.
        for (const [name, most] of [
          ['get', get],
          ['set', set],
        ] as const) {
          const count: number = window.counts.get(name) ?? 0;
          assert.ok(count >= 0 && count <= most, `${name} ${count} of ${most} after ${what}`);
          if (what === 'traffic') assert.equal(count, most);
        }
      }
    }),
    { seed: 3, numRuns: 2000 },
  );
});
