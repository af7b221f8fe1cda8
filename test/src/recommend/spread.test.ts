/** Copies and shards of a key: where they fall, and what is promised of them, worked out again by brute force. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import calculateSlot from 'cluster-key-slot';
import fc from 'fast-check';
import type { AccessMix, Mitigation, SlotTopology } from '../../../src/model.ts';
import { numberedKey, slotOf, suffixByMaster } from '../../../src/recommend/slots.ts';
import { WARNING_PRESSURE } from '../../../src/severity.ts';
import { callsOf, factsOf, hotKey, numbersOf, ownerOfKey, recommendFor, skewByHand } from '../../support/cases.ts';
import { clusterOf, DEFAULTS, evenCluster, peerName } from '../../support/readings.ts';

const anyKeys = fc.oneof(
  fc.constantFrom(
    'product:99',
    '{US}:likes',
    'post:{99}:likes',
    'a{}{b}',
    'a{b',
    'a}b{c}',
    '{}',
    '{',
    '',
    'кино',
    '😀',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.tuple(fc.string(), fc.string({ minLength: 1 }), fc.string()).map(([a, tag, b]) => `${a}{${tag}}${b}`),
);

/** Those of which cluster-key-slot says what the server says. */
const keys = anyKeys.filter((key) => !/^[^{]*\{\}./su.test(key));

/** Between 2 and 8 masters with ranges of any size from 128 slots up: names for fewer may be too far to seek. */
const clusters = fc.uniqueArray(fc.integer({ min: 1, max: 127 }), { minLength: 1, maxLength: 7 }).map((cuts) => {
  const bounds = [0, ...cuts.sort((a, b) => a - b).map((cut) => cut * 128), 16_384];
  return clusterOf(Object.fromEntries(bounds.slice(1).map((end, i) => [peerName(i), end - (bounds[i] ?? 0)] as const)));
});

function nameOf(key: string, suffix: number): string {
  const { before, after } = numberedKey(key);
  return `${before}${suffix}${after}`;
}

test('the number goes behind the key, and into its hash tag where it has one', () => {
  assert.equal(nameOf('product:99', 3), 'product:99:3');
  assert.equal(nameOf('{US}:likes', 3), '{US:3}:likes');
  assert.equal(nameOf('post:{99}:likes{x}', 3), 'post:{99:3}:likes{x}');
  // Redis takes no tag from an empty pair of braces: the whole key counts.
  assert.equal(nameOf('a{}{b}', 3), 'a{}{b}:3');
  assert.equal(nameOf('a{b', 3), 'a{b:3');
});

test('slots are those that a server gives (CLUSTER KEYSLOT of Valkey 9.1.2)', () => {
  const measured = [
    ['', 0],
    ['product:99', 14_239],
    ['{US}:likes', 7132],
    ['{US:7}:likes', 8714],
    ['foo{{bar}}zap', 4015],
    ['a}b{c}d', 7365],
    ['{', 4092],
    ['{}', 15_257],
    ['{}x}', 10_489],
    ['a{}{b}', 15_033],
    ['a{}{b}:0', 3437],
    ['кино', 14_567],
    ['😀', 2959],
  ] as const;
  for (const [key, slot] of measured) assert.equal(slotOf(key), slot, key);
  fc.assert(fc.property(keys, (key) => assert.equal(slotOf(key), calculateSlot(key))));
});

test('the number changes the slot of every key, whatever braces it has', () => {
  fc.assert(
    fc.property(anyKeys, (key) => {
      const slots = new Set(Array.from({ length: 20 }, (_, suffix) => slotOf(nameOf(key, suffix))));
      assert.ok(slots.size > 10, `${slots.size} slots`);
    }),
  );
});

test('one number for every master, the smallest whose name falls on it', () => {
  fc.assert(
    fc.property(keys, fc.integer({ min: 2, max: 30 }), (key, count) => {
      const topology = evenCluster(count);
      const suffixes = suffixByMaster(numberedKey(key), topology);
      assert.equal(suffixes.size, count);
      for (const [master, suffix] of suffixes) {
        const first = Array.from({ length: suffix + 1 }, (_, i) => ownerOfKey(nameOf(key, i), topology));
        assert.equal(first.indexOf(master), suffix);
      }
    }),
    { numRuns: 50 },
  );
});

interface Plan {
  readonly rates: Record<string, number>;
  readonly topology: SlotTopology;
  readonly key: string;
  readonly share: number;
  readonly mix: AccessMix;
  readonly cpu: number;
}

/** Peer `a` is the hottest by far; its key is used as `mixes` say. */
function plans(mixes: fc.Arbitrary<AccessMix>): fc.Arbitrary<Plan> {
  return clusters.chain((topology) =>
    fc
      .record({
        others: fc.array(fc.integer({ min: 100, max: 10_000 }), { minLength: 7, maxLength: 7 }),
        more: fc.integer({ min: 1000, max: 90_000 }),
        share: fc.double({ min: 0.5, max: 0.99, noNaN: true }),
        cpu: fc.double({ min: 0.05, max: 1, noNaN: true }),
        key: keys,
        mix: mixes,
      })
      .map(({ others, more, ...plan }) => {
        const cool = topology.masters.slice(1).map(({ peer }, i) => [peer, others[i] ?? 0] as const);
        const a = Math.max(...cool.map(([, rate]) => rate)) * 2 + more;
        return { ...plan, topology, rates: Object.fromEntries([['a', a] as const, ...cool]) };
      }),
  );
}

/** The loads when `masters` each have one of the names. */
function after({ rates, share, mix }: Plan, divides: keyof AccessMix, masters: readonly string[]): Map<string, number> {
  const loads = new Map(Object.entries(rates));
  const key = (rates['a'] ?? 0) * share;
  const divided = key * mix[divides];
  const multiplied = key * (mix.reads + mix.writes + mix.increments) - divided;
  loads.set('a', (rates['a'] ?? 0) - divided - multiplied);
  for (const master of masters) loads.set(master, (loads.get(master) ?? 0) + divided / masters.length + multiplied);
  return loads;
}

function subsets(items: readonly string[]): string[][] {
  const all: string[][] = [[]];
  for (const item of items) all.push(...all.map((some) => [...some, item]));
  return all;
}

function holdToPlan(plan: Plan, mitigation: Mitigation, divides: keyof AccessMix): void {
  const { rates, topology, key, cpu } = plan;
  const facts = factsOf(callsOf(rates, cpu), topology, [hotKey(plan)]);
  const offered = recommendFor(facts).find((recommendation) => recommendation.mitigation === mitigation);
  const hot = rates['a'] ?? 0;
  const outcome = (masters: readonly string[]) => {
    const loads = [...after(plan, divides, masters).values()];
    const ratio = Math.max(...loads) / hot;
    return { skew: skewByHand(loads), pressure: cpu * ratio, ratio };
  };
  // 0.001 of slack: what is promised is rounded to three digits.
  const relieves = ({ skew, pressure, ratio }: ReturnType<typeof outcome>, slack = 0) =>
    skew < DEFAULTS.resolveSkew - slack && pressure < WARNING_PRESSURE - slack && ratio < 1 - slack;
  const all = subsets(topology.masters.map(({ peer }) => peer)).filter((masters) => masters.length >= 2);
  if (offered === undefined) {
    for (const masters of all) assert.ok(outcome(masters).ratio >= 1 - 0.001, `${masters.join()} would have helped`);
    return;
  }
  const { n, suffixes, masters } = offered.parameters;
  const names = numbersOf(suffixes).map((suffix) => nameOf(key, suffix));
  const reached = names.map((name) => ownerOfKey(name, topology));
  assert.deepEqual(reached, masters, 'the names fall on the masters that are stated');
  assert.equal(new Set(reached).size, n, 'N names reach N masters');
  assert.equal(names.length, n);

  const promised = outcome(reached.map((master) => master ?? ''));
  assert.ok(Math.abs((offered.expected.skew ?? Number.NaN) - promised.skew) <= 0.0011);
  assert.ok(Math.abs((offered.expected.pressure ?? Number.NaN) - promised.pressure) <= 0.0011);
  assert.ok(Math.abs(offered.expected.peerLoadRatio - promised.ratio) <= 0.0011);
  assert.ok(offered.expected.peerLoadRatio < 1);

  if (relieves(promised)) {
    for (const fewer of all.filter((some) => some.length < names.length)) {
      assert.ok(!relieves(outcome(fewer), 0.001), `${fewer.join()} would do`);
    }
  } else {
    for (const other of all) assert.ok(!relieves(outcome(other), 0.001), `${other.join()} would relieve it`);
    const least = Math.min(...all.map((some) => outcome(some).ratio));
    assert.ok(promised.ratio <= least + 0.001, `${promised.ratio} is more than ${least}`);
  }
}

const shares = fc.tuple(fc.nat(100), fc.nat(100)).map(([a, b]) => [Math.min(a, b), Math.abs(a - b)] as const);

test('key replication: names on distinct masters, no more of them than it takes, and the promised numbers', () => {
  const mixes = shares.map(([writes, increments]): AccessMix => {
    // A hot read key has a majority of reads; its writes and increments go to every copy.
    const rest = 0.49 / 100;
    return { reads: 1 - rest * (writes + increments), writes: rest * writes, increments: rest * increments };
  });
  fc.assert(fc.property(plans(mixes), (plan) => holdToPlan(plan, 'key_replication', 'reads')));
});

test('a sharded counter: the same, where increments are divided and every read reads every shard', () => {
  const mixes = shares.map(([reads, writes]): AccessMix => {
    const rest = 0.49 / 100;
    return { reads: rest * reads, writes: rest * writes, increments: 1 - rest * (reads + writes) };
  });
  fc.assert(fc.property(plans(mixes), (plan) => holdToPlan(plan, 'sharded_counter', 'increments')));
});

test('N-fold writes are counted: a key written as much as it is read is not worth replicating', () => {
  const plan = (mix: AccessMix) =>
    recommendFor(
      factsOf(callsOf({ a: 20_000, b: 5000, c: 5000 }), evenCluster(3), [hotKey({ key: 'k', share: 0.75, mix })]),
    ).find(({ mitigation }) => mitigation === 'key_replication');
  const readOnly = plan({ reads: 1, writes: 0, increments: 0 });
  const written = plan({ reads: 0.7, writes: 0.3, increments: 0 });
  // 5,000 of other keys and a third of 15,000 reads on each; the writes come on top.
  assert.deepEqual(readOnly?.expected, { skew: 0, peerLoadRatio: 0.5 });
  assert.equal(written?.parameters['n'], 3);
  assert.equal(written?.expected.peerLoadRatio, (5000 + 3500 + 4500) / 20_000);
});

test('two copies are enough where two relieve the fleet', () => {
  const nodes = callsOf({ a: 9000, b: 5000, c: 5000, d: 5000 }, 0.3);
  const key = hotKey({ key: 'k', share: 0.5, mix: { reads: 1, writes: 0, increments: 0 } });
  const [first] = recommendFor(factsOf(nodes, evenCluster(4), [key]));
  assert.equal(first?.parameters['n'], 2);
});
