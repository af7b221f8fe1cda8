/** Sweeps: every key is looked at once, within the limits of keys and time, and odd replies do no harm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandLine } from '../../../../collectors/redis/node.ts';
import { lookAtKeys, type SweepOptions, sweepNode } from '../../../../collectors/redis/probe/sweep.ts';
import { Failure } from '../../../../collectors/shared/failures.ts';
import { AnsweringNode, contextOn, replies } from '../support.ts';

const OPTIONS: SweepOptions = {
  commandFor: (key) => ['OBJECT', 'FREQ', key],
  score: (counter) => counter,
  keep: 3,
  maxKeys: 1e6,
  untilMs: 1e9,
};

/** Keys by their counters, `page` at a time; a page may repeat keys, as SCAN's may. */
function server(counters: ReadonlyMap<string, unknown>, page = 10, pages?: readonly (readonly string[])[]) {
  const keys = [...counters.keys()];
  const all =
    pages ?? Array.from({ length: Math.ceil(keys.length / page) }, (_, at) => keys.slice(at * page, (at + 1) * page));
  return new AnsweringNode(([command, first, key]: CommandLine) => {
    if (command !== 'SCAN') return counters.get(String(key));
    const at = Number(first);
    return [String(at + 1 >= all.length ? 0 : at + 1), all[at] ?? []];
  });
}

function counters(count: number): Map<string, unknown> {
  return new Map(Array.from({ length: count }, (_, at) => [`k${at}`, (at * 37) % 255]));
}

test('the best of all keys, hottest first', async () => {
  const all = counters(500);
  const progress: (readonly number[])[] = [];
  const node = server(all);
  const sweep = await sweepNode(contextOn(node, { onProgress: (...seen) => progress.push(seen) }), OPTIONS);
  const expected = [...all.values()].map(Number).sort((a, b) => b - a);
  assert.deepEqual(
    sweep.best.map(({ value }) => value),
    expected.slice(0, 3),
  );
  assert.deepEqual([sweep.seen, sweep.complete], [500, true]);
  assert.deepEqual(progress.at(-1), [500, 500]);
  assert.equal(node.asked.filter((line) => line.startsWith('OBJECT')).length, 500, 'each key is asked once');
});

test('a key that SCAN repeats is named once', async () => {
  const all = new Map([
    ['a', 200],
    ['b', 100],
    ['c', 50],
    ['d', 25],
  ]);
  const pages = [
    ['a', 'b'],
    ['a', 'b'],
    ['a', 'c'],
    ['b', 'a'],
    ['d', 'a'],
  ];
  const { best } = await sweepNode(contextOn(server(all, 2, pages)), OPTIONS);
  assert.deepEqual(
    best.map(({ key }) => key),
    ['a', 'b', 'c'],
  );
});

test('it ends at the limit of keys and of time, and says so', async () => {
  const bounded = await sweepNode(contextOn(server(counters(500))), { ...OPTIONS, maxKeys: 50 });
  assert.deepEqual([bounded.seen, bounded.complete], [50, false]);
  let nowMs = 0;
  const late = contextOn(server(counters(500)), { now: () => nowMs++ });
  const cut = await sweepNode(late, { ...OPTIONS, untilMs: 10 });
  assert.ok(cut.seen > 0 && cut.seen < 200 && !cut.complete, String(cut.seen));
});

test('an empty server is a complete sweep', async () => {
  assert.deepEqual(await sweepNode(contextOn(server(new Map(), 10, [[]])), OPTIONS), {
    best: [],
    seen: 0,
    complete: true,
  });
});

test('keys that went, moved or do not count are left out', async () => {
  const all = new Map<string, unknown>([
    ['gone', null],
    ['moved', new Failure('moved', 'MOVED 1 h:1')],
    ['cold', 0],
    ['hot', 7],
  ]);
  const { best, seen } = await sweepNode(contextOn(server(all)), {
    ...OPTIONS,
    score: (counter) => counter || undefined,
  });
  assert.deepEqual([best, seen], [[{ key: 'hot', value: 7 }], 4]);
});

test('keys with odd names, as a real server gives them', async () => {
  const [, keys] = replies('redis-8.6.3')['scan'] as [string, string[]];
  const node = server(new Map(keys.map((key, at) => [key, at])));
  const { best } = await sweepNode(contextOn(node), { ...OPTIONS, keep: 20 });
  assert.deepEqual(new Set(best.map(({ key }) => key)), new Set(keys));
});

test('a refused command and garbage are failures, not silence', async () => {
  const refused = new Map([['a', new Failure('forbidden', 'NOPERM')]]);
  await assert.rejects(sweepNode(contextOn(server(refused)), OPTIONS), { code: 'forbidden' });
  for (const value of ['7', -1, Number.NaN, [], {}, true]) {
    await assert.rejects(
      sweepNode(contextOn(server(new Map([['a', value]]))), OPTIONS),
      { code: 'garbage' },
      JSON.stringify(value),
    );
  }
  for (const scan of [null, 'x', [], ['0'], [0, []], ['0', 'keys'], ['0', [1]], ['0', [null]]]) {
    const node = new AnsweringNode(() => scan);
    await assert.rejects(sweepNode(contextOn(node), OPTIONS), { code: 'garbage' }, JSON.stringify(scan));
  }
});

test('keys known by name are asked in parts', async () => {
  const all = counters(1200);
  const node = server(all);
  const best = await lookAtKeys(contextOn(node), [...all.keys()], OPTIONS);
  assert.deepEqual([best.length, best[0]?.value, node.asked.length], [3, 254, 1200]);
  assert.deepEqual(await lookAtKeys(contextOn(node), [], OPTIONS), []);
});
