/** The slots of a master between two readings: carried over, never stale, never another process's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MasterPoller, type SlotReading } from '../../../collectors/redis/master-poller.ts';
import { Failure } from '../../../collectors/shared/failures.ts';
import { AnsweringNode, fixture } from './support.ts';

const SIGNAL = new AbortController().signal;
const EVERY_MS = 60_000;
const MASTER = {
  peer: 'a:1',
  address: { host: 'a', port: 1 },
  nodeId: 'id',
  ranges: [[0, 16_383]],
  replicas: [],
} as const;

/** A master whose slot 7 works half of the time; `server` is what it is like at the next poll. */
function watched() {
  const server: { runId: string; slots: 'on' | 'off' | Failure; down: boolean; atMs: number; fromMs: number } = {
    runId: 'f'.repeat(40),
    slots: 'on',
    down: false,
    atMs: 1_000_000,
    fromMs: 0,
  };
  const info = fixture('redis-8.6.3.info.txt');
  const node = new AnsweringNode(([command, sub]) => {
    if (server.down) throw new Failure('timeout', 'no answer');
    if (command === 'INFO') {
      return info
        .replace(/^run_id:\w+/m, `run_id:${server.runId}`)
        .replace(/^server_time_usec:\d+/m, `server_time_usec:${server.atMs * 1000}`);
    }
    if (sub !== 'SLOT-STATS') return [];
    if (server.slots instanceof Failure) return server.slots;
    const usec = (server.atMs - server.fromMs) * 500;
    return [[7, server.slots === 'on' ? ['key-count', 1, 'cpu-usec', usec] : ['key-count', 1]]];
  });
  const poller = new MasterPoller({
    limits: { cpuCores: 1 },
    slotsEveryMs: EVERY_MS,
    deadlineMs: 1000,
    now: () => server.atMs,
  });
  return {
    server,
    poller,
    poll: async (afterMs = 10_000, slots: SlotReading = 'when due') => {
      server.atMs += afterMs;
      node.asked.length = 0;
      const { samples, absences } = await poller.poll(MASTER, node, slots, SIGNAL);
      return {
        read: node.asked.some((line) => line.includes('SLOT-STATS')),
        slots: samples.filter(({ scope }) => scope === 'slots').map(({ peer, value }) => [peer, value]),
        gaps: absences.filter(({ scope }) => scope === 'slots').map(({ code }) => code),
      };
    },
  };
}

const HALF = [['7', 0.5]];

test('samples hold between two readings, which are an interval apart', async () => {
  const { poll } = watched();
  assert.deepEqual(await poll(), { read: true, slots: [], gaps: ['warming'] });
  assert.deepEqual(await poll(), { read: true, slots: HALF, gaps: [] }, 'a first look is followed by a second at once');
  for (let sinceMs = 10_000; sinceMs < EVERY_MS; sinceMs += 10_000) {
    assert.deepEqual(await poll(), { read: false, slots: HALF, gaps: [] }, `${sinceMs}`);
  }
  assert.equal((await poll()).read, true);
  assert.equal((await poll(EVERY_MS * 3)).read, true, 'after a pause nothing is carried over it');
});

test('so does the reason why there are none', async () => {
  for (const [slots, code] of [
    ['off', 'disabled'],
    [new Failure('forbidden', 'NOPERM'), 'forbidden'],
  ] as const) {
    const { poll, server } = watched();
    server.slots = slots;
    assert.deepEqual(await poll(), { read: true, slots: [], gaps: [code] });
    for (const _ of [1, 2, 3]) assert.deepEqual(await poll(), { read: false, slots: [], gaps: [code] });
  }
});

test('attention reads them at every poll; outside a cluster they are never read', async () => {
  const { poll } = watched();
  for (const _ of [1, 2, 3, 4]) assert.equal((await poll(1000, 'now')).read, true);
  assert.equal((await poll(1000)).read, false);
  const alone = watched();
  for (const _ of [1, 2]) assert.deepEqual(await alone.poll(EVERY_MS, 'never'), { read: false, slots: [], gaps: [] });
});

test('another process under the same name: nothing of the former is carried, and it is read at the next poll', async () => {
  const { poll, server } = watched();
  await poll();
  await poll();
  server.runId = 'e'.repeat(40);
  assert.deepEqual(await poll(), { read: false, slots: [], gaps: [] });
  assert.deepEqual(await poll(), { read: true, slots: [], gaps: ['warming'] });
  assert.deepEqual(await poll(), { read: true, slots: HALF, gaps: [] });
});

test('an absent master has no slots; back again, they are read, unless it was they that it did not answer', async () => {
  const { poll, server } = watched();
  await poll();
  await poll();
  server.down = true;
  assert.deepEqual(await poll(), { read: false, slots: [], gaps: [] });
  server.down = false;
  assert.deepEqual(await poll(), { read: true, slots: HALF, gaps: [] });
  server.down = true;
  await poll(EVERY_MS);
  server.down = false;
  assert.deepEqual(await poll(), { read: false, slots: [], gaps: [] });
  assert.equal((await poll(EVERY_MS)).read, true);
});

test('CONFIG RESETSTAT: the slots are a reset for one poll', async () => {
  const { poll, server } = watched();
  await poll();
  await poll();
  server.fromMs = server.atMs + EVERY_MS - 1000;
  assert.deepEqual(await poll(EVERY_MS), { read: true, slots: [], gaps: ['reset'] });
  assert.deepEqual(await poll(), { read: true, slots: HALF, gaps: [] });
});

test('a master that left is forgotten', async () => {
  const { poll, poller } = watched();
  await poll();
  await poll();
  poller.retain(new Set());
  assert.deepEqual(await poll(), { read: true, slots: [], gaps: ['warming'] });
});
