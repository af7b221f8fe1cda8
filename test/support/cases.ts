/** Cases for tests of the planners, and the arithmetic of their promises done again by hand. */
import calculateSlot from 'cluster-key-slot';
import { groupByPeers } from '../../src/detect/groups.ts';
import { scoreSignal } from '../../src/detect/signal.ts';
import { type Case, gatherCase } from '../../src/diagnose/case.ts';
import { diagnose } from '../../src/diagnose/rules.ts';
import type { AccessMix, KeyShare, Recommendation, SlotTopology, Topology } from '../../src/model.ts';
import { recommend } from '../../src/recommend/recommend.ts';
import { openHotspot } from './agent.ts';
import { DEFAULTS, keyOf, type NodeLoad, probeOf, readingOf } from './readings.ts';

export interface HotKey {
  readonly key: string;
  readonly share: number;
  readonly mix: AccessMix;
}

/** The facts of peer `a`, which has CPU in proportion to its calls unless stated. */
export function factsOf(
  nodes: Readonly<Record<string, NodeLoad>>,
  topology: Topology,
  keys: readonly KeyShare[] = [],
): Case {
  const signals = groupByPeers(readingOf(nodes)).map(scoreSignal);
  const facts = gatherCase(openHotspot('a', probeOf(keys)), signals, topology, DEFAULTS);
  if (facts === undefined) throw new Error('no case');
  return facts;
}

export function callsOf(rates: Readonly<Record<string, number>>, cpuOfA?: number): Record<string, NodeLoad> {
  const entries = Object.entries(rates).map(([peer, calls]) => {
    const cpu = cpuOfA === undefined ? undefined : (cpuOfA * calls) / (rates['a'] ?? 1);
    return [peer, { calls, ...(cpu !== undefined && { cpu }) }] as const;
  });
  return Object.fromEntries(entries);
}

export function recommendFor(facts: Case, show: (key: string) => string = (key) => key): readonly Recommendation[] {
  return recommend(facts, diagnose(facts, show), show);
}

export function hotKey({ key, share, mix }: HotKey): KeyShare {
  return keyOf(key, share, { mix });
}

export function ownerOfSlot(slot: number, topology: SlotTopology): string | undefined {
  return topology.masters.find(({ ranges }) => ranges.some(([first, last]) => first <= slot && slot <= last))?.peer;
}

/** By another implementation than the code under test has; it is wrong for keys that begin with an empty tag. */
export function ownerOfKey(key: string, topology: SlotTopology): string | undefined {
  return ownerOfSlot(calculateSlot(key), topology);
}

/** 1 − (mean of the others) / (the hottest). */
export function skewByHand(loads: readonly number[]): number {
  const hottest = Math.max(...loads);
  const others = (loads.reduce((sum, load) => sum + load, 0) - hottest) / (loads.length - 1);
  return hottest > 0 ? (hottest - others) / hottest : 0;
}

export function numbersOf(value: unknown): number[] {
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'number')) throw new Error('not a list of numbers');
  return value;
}
