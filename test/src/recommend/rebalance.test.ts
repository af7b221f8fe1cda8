/** Slot moves, applied slot by slot: loads come out even, and every range is the giver's to give. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SlotTopology } from '../../../src/model.ts';
import { countSlots, planRebalance } from '../../../src/recommend/rebalance.ts';
import { callsOf, factsOf, recommendFor, skewByHand } from '../../support/cases.ts';
import { clusterOf, evenCluster, peerName } from '../../support/readings.ts';

const SLOTS = 16_384;

interface Move {
  readonly from: string;
  readonly to: string;
  readonly slots: number;
  readonly ranges: readonly (readonly [number, number])[];
}

function isMove(value: unknown): value is Move {
  return typeof value === 'object' && value !== null && 'from' in value && 'to' in value && 'ranges' in value;
}

function movesOf(parameters: Readonly<Record<string, unknown>>): Move[] {
  const { moves } = parameters;
  assert.ok(Array.isArray(moves) && moves.every(isMove));
  return moves;
}

/** 2 to 6 masters, each with several ranges dealt out at random. */
const fragmented: fc.Arbitrary<SlotTopology> = fc
  .tuple(
    fc.integer({ min: 2, max: 6 }),
    fc.uniqueArray(fc.integer({ min: 1, max: SLOTS - 1 }), { minLength: 8, maxLength: 24 }),
    fc.array(fc.nat(), { minLength: 25, maxLength: 25 }),
  )
  .map(([count, cuts, dealt]) => {
    const bounds = [0, ...cuts.sort((a, b) => a - b), SLOTS];
    const ranges = bounds.slice(1).map((end, i) => [bounds[i] ?? 0, end - 1] as const);
    const masters = Array.from({ length: count }, (_, master) => ({
      peer: peerName(master),
      nodeId: `id-${peerName(master)}`,
      replicas: [],
      // The first ranges go round, so that no master is without.
      ranges: ranges.filter((_, i) => (i < count ? i : (dealt[i] ?? 0) % count) === master).toReversed(),
    }));
    return { kind: 'slots', cluster: true, masters };
  });

/** Who owns each slot. */
function ownership(topology: SlotTopology): string[] {
  const owners = Array.from({ length: SLOTS }, () => '');
  for (const { peer, ranges } of topology.masters) {
    for (const [first, last] of ranges) owners.fill(peer, first, last + 1);
  }
  return owners;
}

function loadsOf(owners: readonly string[], perSlot: number): Map<string, number> {
  const loads = new Map<string, number>();
  for (const owner of owners) loads.set(owner, (loads.get(owner) ?? 0) + perSlot);
  return loads;
}

test('with an even load per slot the moves make the masters even, and give only what is the giver’s', () => {
  fc.assert(
    fc.property(fragmented, fc.integer({ min: 1, max: 20 }), (topology, perSlot) => {
      const owners = ownership(topology);
      const before = loadsOf(owners, perSlot);
      // The hotspot is of the most loaded, which is named `a`.
      const [hottest] = [...before].sort((x, y) => y[1] - x[1]);
      assert.ok(hottest);
      const rename = (peer: string) => (peer === hottest[0] ? 'a' : peer === 'a' ? hottest[0] : peer);
      const named = { ...topology, masters: topology.masters.map((m) => ({ ...m, peer: rename(m.peer) })) };
      const rates = Object.fromEntries([...before].map(([peer, load]) => [rename(peer), load]));
      const plan = planRebalance(factsOf(callsOf(rates, 0.9), named));
      const mean = (SLOTS * perSlot) / topology.masters.length;
      const slack = perSlot * topology.masters.length;
      if (plan === undefined) {
        assert.ok((rates['a'] ?? 0) <= mean + slack);
        return;
      }
      const moves = movesOf(plan.parameters);
      const live = ownership(named);
      let moved = 0;
      for (const { from, to, slots, ranges } of moves) {
        assert.equal(countSlots(ranges), slots);
        const lowest = live.flatMap((owner, slot) => (owner === from ? [slot] : [])).slice(0, slots);
        const given = ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
        assert.deepEqual(given, lowest, 'the lowest slots that the giver still has: those that redis-cli takes');
        for (const slot of given) live[slot] = to;
        moved += slots;
      }
      assert.equal(plan.parameters['slots'], moved);
      const after = loadsOf(live, perSlot);
      for (const [peer, load] of after) assert.ok(Math.abs(load - mean) <= slack, `${peer}: ${load}, mean ${mean}`);
      assert.equal(after.size, topology.masters.length, 'no master is left without slots');
      const ratio = Math.max(...after.values()) / (rates['a'] ?? 0);
      assert.ok(Math.abs(plan.expected.peerLoadRatio - ratio) <= 0.0011);
      assert.ok(Math.abs((plan.expected.skew ?? Number.NaN) - skewByHand([...after.values()])) <= 0.0011);
      assert.ok(Math.abs((plan.expected.pressure ?? Number.NaN) - 0.9 * ratio) <= 0.0011);
    }),
    { numRuns: 60 },
  );
});

test('the lines to paste move what the parameters say, between the right nodes', () => {
  const topology = clusterOf({ a: 10_000, b: 3192, c: 3192 });
  const nodes = {
    a: { calls: 10_000, slots: 10_000 },
    b: { calls: 3192, slots: 3192 },
    c: { calls: 3192, slots: 3192 },
  };
  const [first, ...others] = recommendFor(factsOf(nodes, topology));
  assert.ok(first);
  assert.equal(first.mitigation, 'rebalance_slots');
  assert.deepEqual(others, []);
  const lines = movesOf(first.parameters).map(
    ({ from, to, slots }) =>
      `redis-cli --cluster reshard ${from} --cluster-from id-${from} --cluster-to id-${to} --cluster-slots ${slots} --cluster-yes`,
  );
  assert.deepEqual(first.apply.split('\n'), lines);
  assert.deepEqual(
    movesOf(first.parameters).map(({ ranges }) => ranges),
    [[[0, 2268]], [[2269, 4537]]],
  );
});

test('nothing to move: even masters, a lone master, a target without slots, one slot that makes the load', () => {
  const even = callsOf({ a: 5001, b: 5000, c: 5000 });
  assert.equal(planRebalance(factsOf(even, evenCluster(3))), undefined);
  assert.equal(planRebalance(factsOf(callsOf({ a: 5000 }), evenCluster(1))), undefined);
  assert.equal(planRebalance(factsOf(callsOf({ a: 9000, b: 100 }), { kind: 'none' })), undefined);
  assert.equal(planRebalance(factsOf(callsOf({ a: 9000, b: 100 }), clusterOf({ a: 1, b: 16_383 }))), undefined);
});

test('a new master without slots is given its share', () => {
  const facts = factsOf(callsOf({ a: 9000, b: 7000, c: 0 }), clusterOf({ a: 9216, b: 7168, c: 0 }));
  const plan = planRebalance(facts);
  assert.ok(plan);
  assert.ok(movesOf(plan.parameters).every(({ to }) => to === 'c'));
  assert.ok((plan.expected.skew ?? 1) < 0.01);
});
