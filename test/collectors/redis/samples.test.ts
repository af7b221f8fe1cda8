/** A node's samples: the application's load, without ours, and never a zero that was not measured. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandStats, NodeInfo } from '../../../collectors/redis/info.ts';
import { parseInfo } from '../../../collectors/redis/info.ts';
import { parseLatencyHistogram } from '../../../collectors/redis/latency.ts';
import { RESOURCES } from '../../../collectors/redis/resources.ts';
import { type NodeSamples, NodeWindows } from '../../../collectors/redis/samples.ts';
import type { NodeUsage } from '../../../collectors/redis/usage.ts';
import { fixture, infoWith, replies } from './support.ts';

const PEER = '10.0.0.1:6379';
const LIMITS = { cpuCores: 1, callsPerSecond: 100_000 };
const NO_USAGE: NodeUsage = { commands: 0, bytesSent: 0, bytesReceived: 0, byCommand: new Map() };

type Calls = Readonly<Record<string, readonly [calls: number, usec: number]>>;

function infoOf(calls: Calls, changes: Partial<NodeInfo> = {}): NodeInfo {
  const commands = new Map<string, CommandStats>(
    Object.entries(calls).map(([name, [count, usec]]) => [name, { calls: count, usec }]),
  );
  return infoWith({
    mainThreadCpuSeconds: 0,
    netInputBytes: 0,
    netOutputBytes: 0,
    commands,
    runId: 'run-1',
    ...changes,
  });
}

function usageOf(byCommand: Record<string, number>, bytesSent = 0, bytesReceived = 0): NodeUsage {
  return { commands: 0, bytesSent, bytesReceived, byCommand: new Map(Object.entries(byCommand)) };
}

function looks(limits: ConstructorParameters<typeof NodeWindows>[0] = LIMITS, windows = new NodeWindows(limits)) {
  return (atMs: number, info: NodeInfo, usage: NodeUsage = NO_USAGE, buckets?: ReadonlyMap<number, number>) =>
    windows.observe({
      peer: PEER,
      slots: 100,
      info,
      epoch: info.runId,
      atMs,
      usage,
      ...(buckets !== undefined && { buckets }),
    });
}

function values({ samples }: NodeSamples): Record<string, number> {
  return Object.fromEntries(samples.map(({ resource, value }) => [resource, value]));
}

function absent({ absences }: NodeSamples): Record<string, string> {
  return Object.fromEntries(absences.map(({ resource, code }) => [String(resource), code]));
}

function assertWhole(seen: NodeSamples): void {
  const told = [...seen.samples, ...seen.absences].map(({ resource }) => resource);
  assert.equal(new Set(told).size, told.length, 'each resource once: a sample or an absence');
  for (const { name } of RESOURCES) {
    if (name !== 'latency_p99') assert.ok(told.includes(name), `${name} is neither told nor absent`);
  }
  for (const { value, windowMs } of seen.samples) {
    assert.ok(Number.isFinite(value) && value >= 0 && Number.isFinite(windowMs) && windowMs >= 0);
  }
}

test('a first look has levels only; counts are absent, warming', () => {
  const buckets = parseLatencyHistogram(replies('redis-8.6.3')['latencyHistogram'], new Set());
  for (const name of ['redis-7.0.15', 'redis-8.6.3', 'valkey-9.1.2', 'redis-6.2.handwritten']) {
    const seen = looks()(1000, parseInfo(fixture(`${name}.info.txt`)), NO_USAGE, buckets);
    assertWhole(seen);
    assert.deepEqual(Object.keys(values(seen)), ['memory'], name);
    const missing = ['bytes_in', 'bytes_out', 'calls', 'cpu', 'increments', 'latency_p99', 'reads', 'writes'];
    assert.deepEqual(Object.keys(absent(seen)).sort(), missing, name);
    assert.ok(
      seen.absences.every(({ code, peer, scope }) => code === 'warming' && peer === PEER && scope === 'masters'),
    );
  }
});

test('a window: reads, writes and increments apart, in counts with their window', () => {
  const look = looks();
  look(1000, infoOf({ get: [100, 200], set: [10, 20], incr: [5, 5], ping: [1, 1] }));
  const info = infoOf(
    { get: [1100, 2200], set: [110, 220], incr: [55, 55], ping: [3, 3], hget: [7, 7] },
    { mainThreadCpuSeconds: 0.5, netInputBytes: 4000, netOutputBytes: 90_000, usedMemory: 77, maxMemory: 1000 },
  );
  const seen = look(3000, info);
  assertWhole(seen);
  assert.deepEqual(values(seen), {
    memory: 77,
    cpu: 0.25,
    calls: 1159,
    reads: 1007,
    writes: 100,
    increments: 50,
    bytes_in: 4000,
    bytes_out: 90_000,
  });
  const of = (name: string) => seen.samples.find(({ resource }) => resource === name);
  assert.deepEqual(of('calls'), {
    scope: 'masters',
    peer: PEER,
    resource: 'calls',
    value: 1159,
    windowMs: 2000,
    parts: 100,
    limit: 100_000,
  });
  assert.deepEqual([of('cpu')?.limit, of('cpu')?.windowMs, of('memory')?.limit], [1, 0, 1000]);
  assert.equal(of('bytes_out')?.events, 1159, 'bytes come in as many events as there were calls');
});

test('what we sent ourselves is taken off: calls, bytes and CPU', () => {
  const look = looks();
  const own = { info: 10, scan: 50, 'latency|histogram': 10 };
  look(0, infoOf({ get: [0, 0], scan: [50, 5000], info: [10, 1000] }), usageOf(own, 1000, 50_000));
  const seen = look(
    1000,
    infoOf(
      // 200 scans of 100 µs are ours, 5 are the application's; 20 INFO of 100 µs.
      { get: [1000, 1000], scan: [255, 25_500], info: [30, 3000] },
      { mainThreadCpuSeconds: 0.1, netInputBytes: 60_000, netOutputBytes: 700_000 },
    ),
    usageOf({ ...own, info: 30, scan: 250 }, 21_000, 650_000),
  );
  const { calls, reads, bytes_in, bytes_out, cpu } = values(seen);
  assert.deepEqual([calls, reads, bytes_in, bytes_out], [1005, 1005, 40_000, 100_000]);
  // 20 ms of SCAN and 2 ms of INFO at least are ours; the thread's time beside commands is shared.
  assert.ok(seen.ownCpuSeconds >= 0.022 && seen.ownCpuSeconds < 0.05, String(seen.ownCpuSeconds));
  assert.ok(Math.abs((cpu ?? 0) + seen.ownCpuSeconds - 0.1) < 1e-9);
});

test('what we sent is never more than what was counted', () => {
  const look = looks();
  look(0, infoOf({ get: [0, 0], scan: [0, 0] }));
  const seen = look(1000, infoOf({ get: [3, 3], scan: [1, 9e6] }), usageOf({ scan: 500, get: 5 }, 1e6, 1e6));
  assertWhole(seen);
  const { calls, cpu, bytes_in, bytes_out } = values(seen);
  assert.deepEqual([calls, cpu, bytes_in, bytes_out], [0, 0, 0, 0]);
});

test('a connection of ours that began anew takes nothing off and resets nothing', () => {
  const look = looks();
  look(0, infoOf({ get: [0, 0] }), usageOf({ info: 50 }, 500, 500));
  const seen = look(
    1000,
    infoOf({ get: [10, 10] }, { netInputBytes: 900, netOutputBytes: 900 }),
    usageOf({ info: 1 }, 5, 5),
  );
  assert.deepEqual(absent(seen), {});
  assert.equal(values(seen)['calls'], 10);
});

test('a restart: all counts are absent, reset; none is a spike', () => {
  const look = looks();
  look(0, infoOf({ get: [10, 10] }));
  const restarted = { runId: 'run-2', mainThreadCpuSeconds: 50, netInputBytes: 1e9, netOutputBytes: 1e9 };
  const seen = look(1000, infoOf({ get: [1e9, 1e9] }, restarted));
  assertWhole(seen);
  assert.deepEqual(Object.keys(values(seen)), ['memory']);
  assert.ok(seen.absences.every(({ code }) => code === 'reset'));
  assert.equal(values(look(2000, infoOf({ get: [1e9 + 5, 1e9] }, restarted)))['calls'], 5);
});

test('CONFIG RESETSTAT: calls and bytes are absent, CPU goes on', () => {
  const look = looks();
  look(0, infoOf({ get: [1e6, 1e6], incr: [5, 5] }, { netInputBytes: 1e9, netOutputBytes: 1e9 }));
  const seen = look(
    1000,
    infoOf({ get: [2e6, 3] }, { mainThreadCpuSeconds: 0.2, netInputBytes: 2e9, netOutputBytes: 2e9 }),
  );
  assertWhole(seen);
  assert.deepEqual(Object.keys(values(seen)), ['memory', 'cpu']);
  assert.deepEqual(absent(seen), {
    calls: 'reset',
    reads: 'reset',
    writes: 'reset',
    increments: 'reset',
    bytes_in: 'reset',
    bytes_out: 'reset',
  });
});

test('a clock that goes back: reset, then on', () => {
  const look = looks();
  look(5000, infoOf({ get: [1, 1] }));
  assert.ok(look(4000, infoOf({ get: [2, 2] })).absences.every(({ code }) => code === 'reset'));
  assert.equal(values(look(5000, infoOf({ get: [9, 9] })))['calls'], 7);
});

test('a peer that leaves and returns warms up again', () => {
  const windows = new NodeWindows(LIMITS);
  const look = looks(LIMITS, windows);
  look(0, infoOf({ get: [1, 1] }));
  windows.retain(new Set([PEER]));
  assert.equal(values(look(1000, infoOf({ get: [3, 3] })))['calls'], 2);
  windows.retain(new Set());
  assert.equal(absent(look(90_000, infoOf({ get: [1e6, 1] })))['calls'], 'warming');
});

test('what INFO does not tell is absent with a reason, not zero', () => {
  const look = looks();
  const bare = parseInfo('run_id:x\r\n');
  look(0, bare);
  const seen = look(1000, bare);
  assertWhole(seen);
  assert.deepEqual(seen.samples, []);
  assert.ok(seen.absences.every(({ code, reason }) => code === 'unsupported' && reason.length > 0));
});

test('p99 is of the window, and no commands is no latency', () => {
  const look = looks();
  const info = infoOf({ get: [1, 1] });
  look(0, info, NO_USAGE, new Map([[1, 1_000_000]]));
  const seen = look(
    1000,
    info,
    NO_USAGE,
    new Map([
      [1, 1_000_090],
      [1056, 10],
    ]),
  );
  assert.equal(values(seen)['latency_p99'], 0.001056);
  const idle = look(
    2000,
    info,
    NO_USAGE,
    new Map([
      [1, 1_000_090],
      [1056, 10],
    ]),
  );
  assert.equal(values(idle)['latency_p99'], undefined);
  assert.equal(absent(look(3000, info, NO_USAGE, new Map([[1, 5]])))['latency_p99'], 'reset');
});
