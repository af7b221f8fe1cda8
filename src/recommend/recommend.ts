/** Which mitigations fit a cause, planned on the live topology, the greatest relief first. */

import type { Case } from '../diagnose/case.ts';
import type { Cause, Diagnosis, Mitigation, Recommendation } from '../model.ts';
import { PLANNERS } from './planners.ts';

/** By cause, in the brief's order of preference, which decides between equal effects. */
export const MITIGATIONS_BY_CAUSE: Readonly<Partial<Record<Cause, readonly Mitigation[]>>> = {
  hot_read_key: ['key_replication', 'local_cache'],
  hot_counter: ['sharded_counter', 'write_coalescing'],
  hot_write_key: ['write_coalescing'],
  uneven_placement: ['rebalance_slots'],
};

export function recommend(facts: Case, diagnosis: Diagnosis, show: (key: string) => string): Recommendation[] {
  const fitting = MITIGATIONS_BY_CAUSE[diagnosis.id] ?? [];
  const planned = fitting.flatMap((mitigation) => PLANNERS[mitigation]?.({ facts, show }) ?? []);
  return planned.sort((a, b) => a.expected.peerLoadRatio - b.expected.peerLoadRatio);
}
