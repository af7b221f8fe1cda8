/** Who is asked for the masters, who is believed, and who is asked first the next time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, nameOf } from '../../../collectors/redis/access.ts';
import { redisTargetSchema, resolveRedisTarget } from '../../../collectors/redis/config.ts';
import { type CommandLine, RedisNode, type Reply } from '../../../collectors/redis/node.ts';
import { TopologyFinder } from '../../../collectors/redis/topology-finder.ts';
import { Failure } from '../../../collectors/shared/failures.ts';

const SIGNAL = new AbortController().signal;
const EMPTY: readonly unknown[] = [];
const MAP = [[0, 16_383, ['10.0.0.9', 7000, 'id']]];
const FOUND = ['10.0.0.9:7000'];
const REFUSED = new Failure('unreachable', 'connection refused');

/** What a seed answers to CLUSTER SLOTS; `mute` never does. */
type Seed = 'mute' | Failure | readonly unknown[];

class SeedNode extends RedisNode {
  readonly #seed: Seed;
  readonly #log: string[];

  constructor(address: Address, seed: Seed, log: string[]) {
    super(address, {});
    this.#seed = seed;
    this.#log = log;
  }

  override async pipeline(_: readonly CommandLine[], signal: AbortSignal): Promise<Reply[]> {
    this.#log.push(this.address.host);
    if (this.#seed === 'mute') {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('timed out'))));
    }
    return [this.#seed instanceof Failure ? { ok: false, failure: this.#seed } : { ok: true, value: this.#seed }];
  }
}

/** Seeds s0, s1, … and the log of who was asked. */
function finderOn(seeds: readonly Seed[], deadlineMs = 10_000) {
  const asked: string[] = [];
  const urls = seeds.map((_, at) => `redis://s${at}:7000`);
  const config = resolveRedisTarget('t', redisTargetSchema.parse({ urls, mode: 'cluster' }), () => '');
  const nodes = new Map(
    seeds.map((seed, at) => {
      const address = { host: `s${at}`, port: 7000 };
      return [nameOf(address), new SeedNode(address, seed, asked)];
    }),
  );
  const nodeOf = (address: Address): RedisNode => {
    const node = nodes.get(nameOf(address));
    if (node === undefined) throw new Error(`${nameOf(address)} is no seed`);
    return node;
  };
  const finder = new TopologyFinder(config, nodeOf, deadlineMs);
  return {
    async find(signal = SIGNAL) {
      asked.length = 0;
      const { masters } = await finder.find([], signal);
      return masters.map(({ peer }) => peer);
    },
    asked: () => [...asked],
  };
}

test('an empty slot map of one node does not win over the map of another, however soon it comes', async () => {
  for (const seeds of [
    [EMPTY, MAP],
    [EMPTY, EMPTY, EMPTY, MAP],
    [EMPTY, REFUSED, 'garbage', MAP],
  ] as const) {
    const finder = finderOn(seeds.map((seed) => (seed === 'garbage' ? [['garbage']] : seed)));
    assert.deepEqual(await finder.find(), FOUND);
  }
});

test('where no one knows of a slot, that is the failure, with who said it and what mends it', async () => {
  await assert.rejects(finderOn([EMPTY, EMPTY]).find(), (error) => {
    assert.ok(error instanceof Failure);
    assert.deepEqual([error.code, /s0:7000 knows of no slots assigned/.test(error.message)], ['unreachable', true]);
    assert.match(error.remedy ?? '', /CLUSTER ADDSLOTS/);
    return true;
  });
});

test('every seed is asked once before it fails', async () => {
  const finder = finderOn(Array.from({ length: 7 }, () => REFUSED));
  for (const _ of [1, 2]) {
    await assert.rejects(finder.find(), { code: 'unreachable' });
    assert.deepEqual(finder.asked().toSorted(), ['s0', 's1', 's2', 's3', 's4', 's5', 's6']);
  }
});

test('the next search begins at who answered, past the empty and the refusing', async () => {
  const finder = finderOn([EMPTY, REFUSED, EMPTY, EMPTY, MAP, MAP]);
  assert.deepEqual(await finder.find(), FOUND);
  assert.deepEqual(finder.asked(), ['s0', 's1', 's2', 's3', 's4', 's5']);
  assert.deepEqual(await finder.find(), FOUND);
  assert.equal(finder.asked()[0], 's4');
  assert.equal(finder.asked().length, 3);
});

test('mute seeds that take the whole time are not asked first the next time', async () => {
  const finder = finderOn(['mute', 'mute', 'mute', MAP]);
  const ending = new AbortController();
  const found = finder.find(ending.signal);
  ending.abort();
  await assert.rejects(found);
  assert.deepEqual(finder.asked(), ['s0', 's1', 's2']);
  assert.deepEqual(await finder.find(), FOUND);
  assert.equal(finder.asked()[0], 's3');
});

test('a slower one is let go at its own deadline, not with the first answer and not never', async (t) => {
  let abortedAt: 'never' | 'in time' = 'never';
  const mute = new (class extends RedisNode {
    override async pipeline(_: readonly CommandLine[], signal: AbortSignal): Promise<Reply[]> {
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          abortedAt = 'in time';
          reject(new Error('timed out'));
        }),
      );
    }
  })({ host: 'mute', port: 1 }, {});
  const quick = new SeedNode({ host: 'quick', port: 1 }, MAP, []);
  const urls = ['redis://mute:1', 'redis://quick:1'];
  const config = resolveRedisTarget('t', redisTargetSchema.parse({ urls, mode: 'cluster' }), () => '');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const finder = new TopologyFinder(config, ({ host }) => (host === 'mute' ? mute : quick), 500);
  await finder.find([], SIGNAL);
  t.mock.timers.tick(499);
  assert.equal(abortedAt, 'never');
  t.mock.timers.tick(1);
  assert.equal(abortedAt, 'in time');
});
