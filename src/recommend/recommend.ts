/** Which mitigations fit a cause, planned on the live topology: what relieves it at the lowest price first. */

import type { Case } from '../diagnose/case.ts';
import type { Cause, Diagnosis, Mitigation, Recommendation } from '../model.ts';
import { isNoLongerHot } from './loads.ts';
import { PLANNERS } from './planners.ts';

/**
 * By cause, the lowest price first. A local cache adds no write and no key, replication both; a sharded counter loses
 * nothing, coalescing what an instance had not flushed.
 */
export const MITIGATIONS_BY_CAUSE: Readonly<Partial<Record<Cause, readonly Mitigation[]>>> = {
  hot_read_key: ['local_cache', 'key_replication'],
  hot_counter: ['sharded_counter', 'write_coalescing'],
  hot_write_key: ['write_coalescing'],
  uneven_placement: ['rebalance_slots'],
};

export function recommend(facts: Case, diagnosis: Diagnosis, show: (key: string) => string): Recommendation[] {
  const fitting = MITIGATIONS_BY_CAUSE[diagnosis.id] ?? [];
  const planned = fitting.flatMap((mitigation) => PLANNERS[mitigation]?.({ facts, show }) ?? []);
  const relieving = planned.filter(({ expected }) => isNoLongerHot(facts, expected));
  const partial = planned.filter((candidate) => !relieving.includes(candidate));
  return [...relieving, ...partial.sort((a, b) => a.expected.peerLoadRatio - b.expected.peerLoadRatio)];
}
