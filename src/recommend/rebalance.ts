/** Which slots to move where, so that every master carries the same load; assumes what uneven placement means: even load per slot. */

import { type Case, slotsOf } from '../diagnose/case.ts';
import type { Recommendation, SlotOwner } from '../model.ts';
import { expectedOutcome, loadsBefore } from './loads.ts';

interface Move {
  readonly from: string;
  readonly to: string;
  readonly slots: number;
  /** Inclusive ranges of the giver: its lowest, which are those that redis-cli takes. */
  readonly ranges: readonly (readonly [number, number])[];
}

export function planRebalance(facts: Case): Pick<Recommendation, 'parameters' | 'expected' | 'apply'> | undefined {
  const topology = slotsOf(facts.topology);
  if (topology === undefined || topology.masters.length < 2) return undefined;
  const before = loadsBefore(facts);
  const owners = topology.masters.filter(({ peer }) => before.has(peer));
  const after = new Map(before);
  const moves = evenOut(owners, after);
  if (moves.length === 0) return undefined;
  const expected = expectedOutcome(facts, before, after);
  if (expected.peerLoadRatio >= 1) return undefined;
  const nodeId = new Map(owners.map((owner) => [owner.peer, owner.nodeId]));
  return {
    parameters: { slots: moves.reduce((total, move) => total + move.slots, 0), moves },
    expected,
    apply: moves
      .map(
        ({ from, to, slots }) =>
          `redis-cli --cluster reshard ${from} --cluster-from ${nodeId.get(from)} --cluster-to ${nodeId.get(to)} --cluster-slots ${slots} --cluster-yes`,
      )
      .join('\n'),
  };
}

/** Greedily from the most loaded to the least; changes `loads` to what they will be. */
function evenOut(owners: readonly SlotOwner[], loads: Map<string, number>): Move[] {
  const mean = [...loads.values()].reduce((total, load) => total + load, 0) / Math.max(1, loads.size);
  const moves: Move[] = [];
  const givers = owners.filter(({ peer }) => load(peer) > mean).sort((a, b) => load(b.peer) - load(a.peer));
  for (const giver of givers) {
    const owned = countSlots(giver.ranges);
    const perSlot = load(giver.peer) / owned;
    let given = 0;
    for (const taker of [...owners].sort((a, b) => load(a.peer) - load(b.peer))) {
      const surplus = load(giver.peer) - mean;
      const room = mean - load(taker.peer);
      const slots = perSlot > 0 ? Math.min(owned - given - 1, Math.floor(Math.min(surplus, room) / perSlot)) : 0;
      if (slots <= 0) continue;
      loads.set(giver.peer, load(giver.peer) - slots * perSlot);
      loads.set(taker.peer, load(taker.peer) + slots * perSlot);
      moves.push({ from: giver.peer, to: taker.peer, slots, ranges: lowestSlots(giver.ranges, given, slots) });
      given += slots;
    }
  }
  return moves;

  function load(peer: string): number {
    return loads.get(peer) ?? 0;
  }
}

export function countSlots(ranges: SlotOwner['ranges']): number {
  let count = 0;
  for (const [first, last] of ranges) count += last - first + 1;
  return count;
}

/** The lowest `count` slots of the ranges after skipping `skip` of them. */
function lowestSlots(ranges: SlotOwner['ranges'], skip: number, count: number): [number, number][] {
  const taken: [number, number][] = [];
  let toSkip = skip;
  let toTake = count;
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const start = first + Math.min(toSkip, last - first + 1);
    toSkip -= start - first;
    const available = last - start + 1;
    if (available <= 0 || toTake <= 0) continue;
    const take = Math.min(available, toTake);
    taken.push([start, start + take - 1]);
    toTake -= take;
  }
  return taken;
}
