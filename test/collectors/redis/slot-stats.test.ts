/** CLUSTER SLOT-STATS of real servers, and loads of slots by differences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSlotStats, SLOT_STATS_REMEDY, type SlotLoad, SlotWindows } from '../../../collectors/redis/slot-stats.ts';
import { failureFrom, replies } from './support.ts';

const WITH_STATS = ['redis-8.6.3', 'valkey-9.1.2'] as const;

test('real tables of slots', () => {
  const cpuOfSlot132 = { 'redis-8.6.3': 2610, 'valkey-9.1.2': 2651 };
  for (const name of WITH_STATS) {
    const loads = parseSlotStats(replies(name)['slotStats']);
    assert.deepEqual([...loads.keys()], [131, 132, 133, 51, 111], name);
    assert.deepEqual(loads.get(132), { cpuUsec: cpuOfSlot132[name], bytesIn: 57_538, bytesOut: 416_770 });
    assert.deepEqual(loads.get(131), { cpuUsec: 0, bytesIn: 0, bytesOut: 0 });
  }
});

test('switched off is told with what switches it on', () => {
  for (const name of WITH_STATS) {
    const failure = failureFrom(() => parseSlotStats(replies(name)['slotStatsOff']));
    assert.deepEqual([failure.code, failure.remedy], ['disabled', SLOT_STATS_REMEDY], name);
  }
});

test('a server that counts CPU alone (cluster-slot-stats-enabled cpu of Redis 8.6) has no bytes, not zero bytes', () => {
  const loads = (usec: number) => parseSlotStats([[0, ['key-count', 0, 'cpu-usec', usec]]]);
  assert.deepEqual(loads(7).get(0), { cpuUsec: 7 });
  const windows = new SlotWindows();
  windows.observe('a', 'run', 0, loads(0), 1);
  assert.deepEqual(
    windows.observe('a', 'run', 1000, loads(500_000), 1)?.map(({ resource, value }) => [resource, value]),
    [['cpu', 0.5]],
  );
});

test('what is no table of slots is garbage', () => {
  const row = (slot: unknown, cpu: unknown) => [[slot, ['key-count', 0, 'cpu-usec', cpu]]];
  const cases: unknown[] = [
    null,
    'OK',
    {},
    [1],
    [[0]],
    [['0', []]],
    row(-1, 1),
    row(16_384, 1),
    row(0.5, 1),
    row(0, -1),
    row(0, Number.NaN),
    row(0, Number.POSITIVE_INFINITY),
    row(0, 1e300),
    row(0, null),
    row(0, '7'),
    row(0, []),
    [[0, ['key-count', 0, 'cpu-usec']]],
  ];
  for (const reply of cases)
    assert.equal(failureFrom(() => parseSlotStats(reply)).code, 'garbage', JSON.stringify(reply));
});

test('samples are of the window, in cores and bytes, by owner', () => {
  const windows = new SlotWindows();
  const look = (atMs: number, load: SlotLoad, epoch = 'run') =>
    windows.observe('a:1', epoch, atMs, new Map([[5, load]]), 2);
  assert.equal(look(0, { cpuUsec: 1e6, bytesIn: 100, bytesOut: 100 }), undefined);
  assert.deepEqual(look(2000, { cpuUsec: 2e6, bytesIn: 150, bytesOut: 100 }), [
    { scope: 'slots', peer: '5', windowMs: 2000, owner: 'a:1', resource: 'cpu', value: 0.5, limit: 2 },
    { scope: 'slots', peer: '5', windowMs: 2000, owner: 'a:1', resource: 'bytes_in', value: 50 },
    { scope: 'slots', peer: '5', windowMs: 2000, owner: 'a:1', resource: 'bytes_out', value: 0 },
  ]);
  assert.deepEqual(look(3000, { cpuUsec: 2e6, bytesIn: 150, bytesOut: 100 }), [], 'an idle slot is no row');
  assert.equal(failureFrom(() => look(4000, { cpuUsec: 1, bytesIn: 1e9, bytesOut: 1e9 })).code, 'reset');
  assert.equal(look(4000, { cpuUsec: 5, bytesIn: 1e9, bytesOut: 1e9 }), undefined, 'the clock stood still');
  assert.equal(look(3500, { cpuUsec: 6, bytesIn: 1e9, bytesOut: 1e9 }), undefined, 'the clock went back');
  assert.equal(look(9000, { cpuUsec: 7, bytesIn: 2e9, bytesOut: 2e9 }, 'other'), undefined, 'another run');
});

test('a slot that moved in counts from the second look on; an owner that left is forgotten', () => {
  const windows = new SlotWindows();
  const of = (slots: readonly number[], usec: number) => new Map(slots.map((slot) => [slot, { cpuUsec: usec }]));
  windows.observe('a', 'run', 0, of([1], 10), 1);
  const moved = windows.observe('a', 'run', 1000, of([1, 2], 20), 1);
  assert.deepEqual(
    moved?.map(({ peer }) => peer),
    ['1'],
  );
  windows.retain(new Set(['b']));
  assert.equal(windows.observe('a', 'run', 2000, of([1, 2], 30), 1), undefined);
});

test('a slot that went back is left out; most of those that had counted are a reset of all', () => {
  const USED = 10;
  for (const [back, expected] of [
    [0, USED],
    [1, USED - 1],
    [5, USED - 5],
    [6, 'reset'],
    [USED, 'reset'],
  ] as const) {
    const windows = new SlotWindows();
    // A hundred slots that never had load can neither go back nor outvote those that had.
    const of = (usec: (slot: number) => number): Map<number, SlotLoad> =>
      new Map(Array.from({ length: 110 }, (_, slot) => [slot, { cpuUsec: slot < USED ? usec(slot) : 0 }]));
    windows.observe(
      'a',
      'run',
      0,
      of(() => 100),
      1,
    );
    const look = () =>
      windows.observe(
        'a',
        'run',
        1000,
        of((slot) => (slot < back ? 1 : 200)),
        1,
      );
    if (expected !== 'reset') assert.equal(look()?.length, expected, `${back}`);
    else {
      const failure = failureFrom(look);
      assert.deepEqual([failure.code, /CONFIG RESETSTAT/.test(failure.message)], ['reset', true]);
    }
    assert.equal(
      windows.observe(
        'a',
        'run',
        2000,
        of(() => 300),
        1,
      )?.length,
      USED,
      'the next look counts again',
    );
  }
});
