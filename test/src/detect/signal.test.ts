/** Peer groups and their signals: scores, scores against the parts owned, pressure, and why there is no score. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { groupByPeers } from '../../../src/detect/groups.ts';
import { scoreSignal } from '../../../src/detect/signal.ts';
import { noiseRatio, skewOf } from '../../../src/detect/skew.ts';
import type { Reading, Signal, UndecidedReason } from '../../../src/model.ts';
import { absenceOf, CPU, type NodeLoad, peerName, type ReadingOptions, readingOf } from '../../support/readings.ts';

function signalOf(reading: Reading, resource = 'calls'): Signal {
  const signals = groupByPeers(reading).map(scoreSignal);
  const found = signals.find((signal) => signal.scope.name === 'masters' && signal.resource.name === resource);
  assert.ok(found, `no signal of ${resource}`);
  return found;
}

function nodes(loads: readonly number[], of: keyof NodeLoad = 'calls'): Record<string, NodeLoad> {
  return Object.fromEntries(loads.map((load, i) => [peerName(i), { [of]: load }]));
}

function assertClose(actual: number | undefined, expected: number, tolerance = 1e-9): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

const manyCalls = fc.array(fc.integer({ min: 1000, max: 1_000_000 }), { minLength: 2, maxLength: 30 });

test('a score can be worked out by hand from what the signal shows beside it', () => {
  fc.assert(
    fc.property(manyCalls, (loads) => {
      const signal = signalOf(readingOf(nodes(loads)));
      const [hottest] = signal.peers;
      assert.ok(hottest && signal.skew !== undefined && signal.events !== undefined);
      assertClose(
        signal.events,
        loads.reduce((sum, load) => sum + load * 10, 0),
        1e-3,
      );
      const events = hottest.value * 10;
      const noise = noiseRatio(events, loads.length);
      assertClose(signal.noise ?? Number.NaN, noise * events, 1e-6 * events);
      const aboveFloor = hottest.value - hottest.value / hottest.timesFair >= signal.resource.floor;
      assertClose(signal.skew, aboveFloor ? skewOf(hottest.timesFair * (1 - noise), loads.length) : 0);
      assert.ok(signal.skew >= 0 && signal.skew <= 1);
      assertClose(
        signal.peers.reduce((sum, peer) => sum + peer.share, 0),
        1,
      );
    }),
  );
});

test('the signal does not change with the order in which peers answered', () => {
  fc.assert(
    fc.property(manyCalls, (loads) => {
      const reading = readingOf(nodes(loads));
      const reversed = { ...reading, samples: reading.samples.toReversed() };
      assert.deepEqual(
        signalOf(reversed).peers.map(({ peer }) => peer),
        signalOf(reading).peers.map(({ peer }) => peer),
      );
      assertClose(signalOf(reversed).skew, signalOf(reading).skew ?? Number.NaN);
    }),
  );
});

test('a hotter hottest peer never scores lower, noise taken off', () => {
  fc.assert(
    fc.property(manyCalls, fc.integer({ min: 1, max: 1_000_000 }), (loads, more) => {
      const hottest = Math.max(...loads);
      const at = loads.indexOf(hottest);
      const hotter = loads.map((load, i) => (i === at ? load + more : load));
      const before = signalOf(readingOf(nodes(loads))).skew ?? Number.NaN;
      assert.ok((signalOf(readingOf(nodes(hotter))).skew ?? Number.NaN) >= before - 1e-12);
    }),
  );
});

test('a level has no noise and scales freely above its floor', () => {
  const signal = signalOf(readingOf(nodes([0.9, 0.3, 0.3], 'cpu')), 'cpu');
  assert.deepEqual([signal.noise, signal.events], [undefined, undefined]);
  assertClose(signal.skew, 2 / 3);
  assertClose(signal.pressure, 0.9);
  const below = signalOf(readingOf(nodes([0.3, 0.1, 0.1], 'cpu')), 'cpu');
  assert.equal(below.skew, 0, `0.13 cores above the mean is below the floor of ${CPU.floor}`);
});

test('loads in proportion to the parts owned score 0 against the parts, whatever they score against each other', () => {
  const parts = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(parts, (owned) => {
      const loads = owned.map(
        (count, i) => [peerName(i), { calls: count * 40, cpu: count / 5000, slots: count }] as const,
      );
      const reading = readingOf(Object.fromEntries(loads));
      for (const resource of ['calls', 'cpu']) {
        const signal = signalOf(reading, resource);
        if (signal.undecided !== undefined) continue;
        assertClose(signal.skewPerPart, 0);
      }
    }),
  );
  const uneven = signalOf(readingOf({ a: { calls: 8000, slots: 8000 }, b: { calls: 2000, slots: 2000 } }));
  assert.ok((uneven.skew ?? 0) > 0.7);
  assert.equal(uneven.skewPerPart, 0);
});

test('a hot peer with its fair number of parts scores the same against them', () => {
  const signal = signalOf(
    readingOf({ a: { calls: 9000, slots: 10 }, b: { calls: 3000, slots: 10 }, c: { calls: 3000, slots: 10 } }),
  );
  assertClose(signal.skewPerPart, signal.skew ?? Number.NaN);
});

test('a window twice as long is no load: shares are of rates', () => {
  const short = readingOf({ a: { calls: 5000 }, b: { calls: 5000 } });
  const late = readingOf({ c: { calls: 5000 } }, { windowMs: 20_000 });
  const signal = signalOf({ ...short, samples: [...short.samples, ...late.samples] });
  assert.equal(signal.skew, 0);
  for (const peer of signal.peers) assertClose(peer.timesFair, 1);
});

test('fewer events than bytes: the noise is that of the replies', () => {
  const few = readingOf({
    a: { calls: 10, bytes_out: 3e7 },
    b: { calls: 10, bytes_out: 1e7 },
    c: { calls: 10, bytes_out: 1e7 },
  });
  const signal = signalOf(few, 'bytes_out');
  assertClose(signal.noise ?? Number.NaN, noiseRatio(100, 3) * 100);
  const many = readingOf({
    a: { calls: 1e5, bytes_out: 3e7 },
    b: { calls: 1e5, bytes_out: 1e7 },
    c: { calls: 1e5, bytes_out: 1e7 },
  });
  assert.ok((signalOf(many, 'bytes_out').skew ?? 0) > (signal.skew ?? 1));
});

const undecided: readonly {
  readonly name: string;
  readonly nodes: Record<string, NodeLoad>;
  readonly options?: ReadingOptions;
  readonly reason: UndecidedReason;
}[] = [
  { name: 'a lone peer', nodes: nodes([9000]), reason: 'too_few_peers' },
  { name: 'an idle group', nodes: nodes([99, 1, 1]), reason: 'idle' },
  { name: 'a group without any load', nodes: nodes([0, 0, 0]), reason: 'idle' },
  { name: 'a dozen events', nodes: nodes([150, 120, 140]), options: { windowMs: 100 }, reason: 'too_few_events' },
  {
    name: 'more absent than present',
    nodes: nodes([9000]),
    options: { absences: [absenceOf('x'), absenceOf('y')] },
    reason: 'incomplete',
  },
  { name: 'one of two absent', nodes: nodes([9000]), options: { absences: [absenceOf('x')] }, reason: 'incomplete' },
  { name: 'none present', nodes: {}, options: { absences: [absenceOf('x'), absenceOf('y')] }, reason: 'incomplete' },
  {
    name: 'a first look',
    nodes: {},
    options: { absences: [absenceOf('x', 'warming'), absenceOf('y', 'warming')] },
    reason: 'warming',
  },
  {
    name: 'one of two had its counters reset',
    nodes: nodes([9000]),
    options: { absences: [absenceOf('x', 'reset')] },
    reason: 'warming',
  },
  {
    name: 'warming and unreachable together',
    nodes: {},
    options: { absences: [absenceOf('x', 'warming'), absenceOf('y')] },
    reason: 'incomplete',
  },
];

for (const { name, nodes: loads, options, reason } of undecided) {
  test(`${name}: undecided (${reason}), with no skew at all`, () => {
    const signal = signalOf(readingOf(loads, options));
    assert.equal(signal.undecided, reason);
    assert.ok(!('skew' in signal) && !('skewPerPart' in signal));
    for (const peer of signal.peers) assert.ok(!('skew' in peer) && !('skewPerPart' in peer));
  });
}

test('half of the peers are enough for a score, which says how many are absent', () => {
  const signal = signalOf(readingOf(nodes([9000, 1000]), { absences: [absenceOf('x'), absenceOf('y')] }));
  assert.ok((signal.skew ?? 0) > 0.8);
  assert.equal(signal.absent, 2);
});

test('few events are enough where the skew cannot be chance', () => {
  const signal = signalOf(readingOf(nodes([800, 1, 1, 1, 1, 1]), { windowMs: 100 }));
  assert.equal(signal.undecided, undefined);
  assert.ok((signal.skew ?? 0) > 0.45);
});

test('an absence of one resource leaves the others in place; one of the whole scope makes no group', () => {
  const reading = readingOf(
    { a: { calls: 5000, cpu: 0.5 }, b: { cpu: 0.5 }, c: { cpu: 0.5 } },
    { absences: ['b', 'c'].map((peer) => ({ ...absenceOf(peer, 'forbidden'), resource: 'calls' })) },
  );
  assert.equal(signalOf(reading, 'calls').undecided, 'incomplete');
  assert.equal(signalOf(reading, 'cpu').skew, 0);
  assert.equal(signalOf(reading, 'cpu').absent, 0);
  assert.deepEqual(
    groupByPeers(
      readingOf({}, { absences: [{ scope: 'slots', code: 'disabled', reason: 'slot statistics are off' }] }),
    ),
    [],
  );
});
