/** What a plan would change: the load of every peer before and after, and the skew and pressure that follow. */

import { skewOfLoads } from '../detect/skew.ts';
import type { Case } from '../diagnose/case.ts';
import type { Recommendation } from '../model.ts';
import { WARNING_PRESSURE } from '../severity.ts';

/** Loads by peer: per second for a count, the level otherwise. */
export type Loads = ReadonlyMap<string, number>;

/** Of the load that key shares are of. */
export function loadsBefore(facts: Case): Loads {
  return new Map(facts.basis.signal.peers.map((peer) => [peer.peer, peer.value]));
}

/**
 * The expected skew and pressure with the loads `after`. Pressure is taken as proportional to load: the hot peer's
 * pressure times the hottest load after over its load before.
 */
export function expectedOutcome(facts: Case, before: Loads, after: Loads): Recommendation['expected'] {
  const hot = before.get(facts.hotspot.peer) ?? 0;
  const highest = Math.max(0, ...after.values());
  const ratio = hot > 0 ? highest / hot : 1;
  return {
    ...(after.size > 1 && { skew: round(skewOfLoads([...after.values()])) }),
    ...(facts.pressure !== undefined && { pressure: round(facts.pressure * ratio) }),
    peerLoadRatio: round(ratio),
  };
}

/** Good enough to stop adding copies, shards or moves: calm by the same threshold at which a hotspot resolves. */
export function isRelieved(facts: Case, expected: Recommendation['expected']): boolean {
  return isBelow(facts.thresholds.resolveSkew, expected);
}

/** No longer a hotspot; what skew is left may be that of the other keys. */
export function isNoLongerHot(facts: Case, expected: Recommendation['expected']): boolean {
  return isBelow(facts.thresholds.openSkew, expected);
}

function isBelow(skew: number, expected: Recommendation['expected']): boolean {
  return (expected.skew ?? 0) < skew && (expected.pressure ?? 0) < WARNING_PRESSURE;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
