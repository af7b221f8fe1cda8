/**
 * 100,000 damaged replies: each is read as finite numbers in range, or is a Failure with a code. Nothing else is ever
 * thrown, and nothing that is no number reaches a sample. The seed is fixed: a failure comes again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysOf, useOf } from '../../../collectors/redis/commands.ts';
import { failureOf } from '../../../collectors/redis/errors.ts';
import { parseInfo } from '../../../collectors/redis/info.ts';
import { parseLatencyHistogram, quantile } from '../../../collectors/redis/latency.ts';
import { parseSession, parseValkeyHotkeys, redisHotkeys } from '../../../collectors/redis/probe/hotkeys.ts';
import { sweepNode } from '../../../collectors/redis/probe/sweep.ts';
import { NodeWindows } from '../../../collectors/redis/samples.ts';
import { parseSlotStats, SlotWindows } from '../../../collectors/redis/slot-stats.ts';
import { countSlots, parseClusterSlots, parseSentinelMaster } from '../../../collectors/redis/topology.ts';
import { Failure } from '../../../collectors/shared/failures.ts';
import { ABSENCE_CODES, type Sample } from '../../../src/model.ts';
import { Damage } from './damage.ts';
import { AnsweringNode, contextOn, fixture, replies, SERVERS } from './support.ts';

/** Every number within, of whatever shape, is finite and not negative. */
function assertNumbers(value: unknown, where: string): void {
  if (typeof value === 'number') assert.ok(Number.isFinite(value) && value >= 0, `${where} is ${value}`);
  else if (value instanceof Map) for (const [key, one] of value) assertNumbers([key, one], `${where}[${String(key)}]`);
  else if (Array.isArray(value)) for (const [at, one] of value.entries()) assertNumbers(one, `${where}[${at}]`);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, one] of Object.entries(value)) assertNumbers(one, `${where}.${name}`);
  }
}

function assertSamples(samples: readonly Sample[]): void {
  for (const sample of samples) assertNumbers(sample, `${sample.peer} ${sample.resource}`);
}

interface Tally {
  read: number;
  refused: number;
}

function assertFailure(error: unknown): void {
  // Not the error itself as the message: it would hide that it is another.
  assert.ok(error instanceof Failure, `thrown was ${error instanceof Error ? error.stack : String(error)}`);
  assert.ok(ABSENCE_CODES.includes(error.code) && error.message.length > 0);
}

function attempt(tally: Tally, work: () => void): void {
  try {
    work();
    tally.read++;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    assertFailure(error);
    tally.refused++;
  }
}

/** Counts work that read its reply, or refused it as a Failure; anything else fails the test. */
async function tallied(tally: { read: number; refused: number }, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    tally.read++;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    assertFailure(error);
    tally.refused++;
  }
}

/** Both happen, or what is fuzzed is not what it seems. */
function assertTally({ read, refused }: Tally, runs: number): void {
  assert.equal(read + refused, runs);
  assert.ok(read > runs / 100 && refused > runs / 100, `${read} read, ${refused} refused`);
}

function runs(count: number, seed: number, work: (damage: Damage, at: number) => void): void {
  const tally = { read: 0, refused: 0 };
  const damage = new Damage(seed);
  for (let at = 0; at < count; at++) attempt(tally, () => work(damage, at));
  assertTally(tally, count);
}

const INFOS = SERVERS.flatMap((name) =>
  ['info', 'replica.info', 'standalone.info'].map((kind) => fixture(`${name}.${kind}.txt`)),
);
const replies86 = replies('redis-8.6.3');
const all = (name: string) => SERVERS.map((server) => replies(server)[name]).filter((reply) => reply !== undefined);

test('20,000 × INFO, and the samples of the windows between them', () => {
  const windows = new NodeWindows({ cpuCores: 1 });
  const usage = { commands: 1, bytesSent: 10, bytesReceived: 10, byCommand: new Map([['info', 1]]) };
  runs(20_000, 1, (damage, at) => {
    const text = damage.text(damage.pick(INFOS));
    const info = parseInfo(damage.below(2) === 0 ? text : damage.text(text));
    assertNumbers(info, 'info');
    // One process whose clock goes on, so that windows come about and counters go back all the time.
    const look = { peer: damage.pick(['a', 'b']), slots: 5, info, epoch: 'r', atMs: at * 1000, usage };
    const { samples, ownCpuSeconds } = windows.observe(look);
    assertSamples(samples);
    assertNumbers(ownCpuSeconds, 'ownCpuSeconds');
  });
});

test('20,000 × LATENCY HISTOGRAM', () => {
  const histograms = all('latencyHistogram');
  runs(20_000, 2, (damage) => {
    const buckets = parseLatencyHistogram(damage.reply(damage.pick(histograms)), new Set(['info']));
    assertNumbers(buckets, 'buckets');
    assertNumbers(quantile(buckets, 0.99), 'p99');
  });
});

test('20,000 × CLUSTER SLOT-STATS, and the samples of the windows between them', () => {
  const tables = [...all('slotStats'), ...all('slotStatsOff')];
  const windows = new SlotWindows();
  runs(20_000, 3, (damage, at) => {
    const loads = parseSlotStats(damage.reply(damage.pick(tables)));
    assertNumbers(loads, 'loads');
    for (const slot of loads.keys()) assert.ok(Number.isInteger(slot) && slot <= 16_383);
    assertSamples(windows.observe('a', 'r', at * 1000, loads, 1) ?? []);
  });
});

test('20,000 × CLUSTER SLOTS, and what sentinels say', () => {
  const maps = all('clusterSlots');
  runs(18_000, 4, (damage) => {
    const masters = parseClusterSlots(damage.reply(damage.pick(maps)), { host: '10.0.0.1', port: 1 });
    assertNumbers(masters, 'masters');
    let slots = 0;
    for (const { ranges, peer, address } of masters) {
      slots += countSlots(ranges);
      assert.ok(peer.endsWith(`:${address.port}`) && address.host.length > 0 && address.port <= 65_535);
    }
    assert.ok(slots <= 16_384);
  });
  runs(2000, 5, (damage) => {
    const address = parseSentinelMaster(damage.reply(['10.0.0.5', '6379']), 'm');
    assert.ok(address.host.length > 0 && address.port >= 1 && address.port <= 65_535);
  });
});

test('15,000 × HOTKEYS GET of both kinds', () => {
  const sessions = ['hotkeysNone', 'hotkeysJustBegun', 'hotkeysActive', 'hotkeysStopped'];
  runs(10_000, 6, (damage) => {
    assertNumbers(parseSession(damage.reply(replies86[damage.pick(sessions)])), 'session');
  });
  const valkey = [
    ['key', 'a', 'db', 0, 'qps', '12.5'],
    ['key', '__proto__', 'db', 0, 'qps', 7],
  ];
  runs(5000, 7, (damage) => {
    assertNumbers(parseValkeyHotkeys(damage.reply(valkey)), 'keys');
  });
});

test('1,000 × shares of a damaged session are within [0, 1]', async () => {
  const damage = new Damage(8);
  const info = fixture('redis-8.6.3.info.txt');
  const tally = { read: 0, refused: 0 };
  for (let run = 0; run < 1000; run++) {
    const session = damage.reply(replies86['hotkeysStopped']);
    let gets = 0;
    const node = new AnsweringNode(([command, sub]) => {
      if (command === 'INFO') return info;
      if (sub !== 'GET') return 'OK';
      return gets++ === 0 ? null : session;
    });
    await tallied(tally, async () => {
      const { keys } = await redisHotkeys(contextOn(node));
      for (const { share = 0, low, high } of keys) {
        assert.ok(0 <= low && low <= share + 1e-9 && share <= high + 1e-9 && high <= 1, `${low} ${share} ${high}`);
      }
    });
  }
  assertTally(tally, 1000);
});

test('1,000 × SCAN and OBJECT FREQ', async () => {
  const damage = new Damage(9);
  const scans = all('scan');
  const tally = { read: 0, refused: 0 };
  for (let run = 0; run < 1000; run++) {
    const node = new AnsweringNode(([command]) => {
      const odd = damage.below(12) === 0;
      if (command === 'SCAN') return odd ? damage.reply(damage.pick(scans)) : damage.pick(scans);
      return odd && damage.below(5) === 0 ? damage.odd() : damage.below(256);
    });
    let nowMs = 0;
    const context = contextOn(node, { now: () => nowMs++ });
    await tallied(tally, async () => {
      const options = {
        commandFor: (key: string) => ['OBJECT', 'FREQ', key] as const,
        keep: 5,
        maxKeys: 500,
        untilMs: 200,
      };
      const { best } = await sweepNode(context, { ...options, score: (counter) => counter });
      assertNumbers(best, 'best');
      assert.equal(new Set(best.map(({ key }) => key)).size, best.length);
    });
  }
  assertTally(tally, 1000);
});

test('3,000 × errors and lines of MONITOR: never an exception', () => {
  const damage = new Damage(10);
  const errors = SERVERS.flatMap((name) =>
    Object.values(JSON.parse(fixture(`${name}.errors.json`)) as Record<string, string>),
  );
  const lines = [
    'get k',
    'eval s 2 a b',
    'xread count 2 streams a b 0 0',
    'zunionstore d 2 a b',
    'sort k store d',
    'migrate h 1 k 0 9',
  ];
  for (let run = 0; run < 1500; run++) {
    const message = damage.text(damage.pick(errors));
    const thrown = damage.pick([
      message,
      new Error(message),
      damage.odd(),
      Object.assign(new Error(message), { code: damage.odd() }),
    ]);
    assertFailure(failureOf(thrown, 'object|freq'));

    const [command = '', ...args] = damage.text(damage.pick(lines)).split(' ');
    assert.ok(['reads', 'writes', 'increments', 'other'].includes(useOf(command)));
    for (const key of keysOf(command, args)) assert.ok(args.includes(key));
  }
});
