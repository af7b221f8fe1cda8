/**
 * Spreads one key over N names on N distinct masters: what key replication (reads are divided, writes multiplied) and
 * a sharded counter (increments are divided, reads multiplied) have in common.
 */
import type { Case } from '../diagnose/case.ts';
import { slotsOf } from '../diagnose/case.ts';
import type { Recommendation } from '../model.ts';
import { expectedOutcome, isRelieved, type Loads, loadsBefore } from './loads.ts';
import { numberedKey, suffixByMaster } from './slots.ts';

export interface Spread {
  readonly suffixes: readonly number[];
  readonly masters: readonly string[];
  readonly expected: Recommendation['expected'];
}

/** In the unit of the loads: what is divided among the names and what each of them carries in full. */
export interface SpreadLoad {
  readonly divided: number;
  readonly multiplied: number;
}

/**
 * The fewest names, on the least loaded masters, that bring the hottest master below its limit and the fleet below
 * the threshold; else the number with the least load on the hottest. Undefined where there is only one master or nothing improves.
 */
export function planSpread(facts: Case, key: string, load: SpreadLoad): Spread | undefined {
  const topology = slotsOf(facts.topology);
  if (topology === undefined || topology.masters.length < 2) return undefined;
  const before = loadsBefore(facts);
  const without = new Map(before);
  const hot = before.get(facts.hotspot.peer) ?? 0;
  without.set(facts.hotspot.peer, Math.max(0, hot - load.divided - load.multiplied));

  const suffixes = suffixByMaster(numberedKey(key), topology);
  const masters = [...suffixes.keys()]
    .filter((master) => without.has(master))
    .sort((a, b) => (without.get(a) ?? 0) - (without.get(b) ?? 0));
  let best: Spread | undefined;
  for (let count = 2; count <= masters.length; count++) {
    const chosen = masters.slice(0, count);
    const expected = expectedOutcome(facts, before, spreadOver(without, chosen, load));
    const relieved = isRelieved(facts, expected) && expected.peerLoadRatio < 1;
    if (relieved || best === undefined || expected.peerLoadRatio < best.expected.peerLoadRatio) {
      best = { suffixes: chosen.map((master) => suffixes.get(master) ?? 0), masters: chosen, expected };
    }
    if (relieved) break;
  }
  return best !== undefined && best.expected.peerLoadRatio < 1 ? best : undefined;
}

function spreadOver(without: Loads, masters: readonly string[], load: SpreadLoad): Loads {
  const after = new Map(without);
  for (const master of masters) {
    after.set(master, (after.get(master) ?? 0) + load.divided / masters.length + load.multiplied);
  }
  return after;
}
