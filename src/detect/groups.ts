/** A reading's samples as peer groups: one scope by one resource, with how many of its peers did not answer. */
import type { Reading, Resource, Sample, Scope } from '../model.ts';

export interface PeerGroup {
  readonly scope: Scope;
  readonly resource: Resource;
  readonly samples: readonly Sample[];
  /** Peers that should be in the group and are absent, for this resource or altogether. */
  readonly absent: number;
  /** True when every absence is a first look or a counter reset: the next window will have it. */
  readonly warming: boolean;
}

/** Groups in the order of the reading's scopes and resources. A group without samples and absences is left out. */
export function groupByPeers(reading: Reading): PeerGroup[] {
  const samples = new Map<string, Sample[]>();
  for (const sample of reading.samples) {
    const id = groupId(sample.scope, sample.resource);
    const list = samples.get(id);
    if (list === undefined) samples.set(id, [sample]);
    else list.push(sample);
  }
  const groups: PeerGroup[] = [];
  for (const scope of reading.scopes) {
    for (const resource of reading.resources) {
      const present = samples.get(groupId(scope.name, resource.name)) ?? [];
      const seen = new Set(present.map((sample) => sample.peer));
      const missing = reading.absences.filter(
        (absence) =>
          absence.scope === scope.name &&
          absence.peer !== undefined &&
          !seen.has(absence.peer) &&
          (absence.resource === undefined || absence.resource === resource.name),
      );
      const absent = new Set(missing.map((absence) => absence.peer)).size;
      if (present.length === 0 && (absent === 0 || scope.grain === 'fine')) continue;
      const warming = missing.every((absence) => absence.code === 'warming' || absence.code === 'reset');
      groups.push({ scope, resource, samples: present, absent, warming: absent > 0 && warming });
    }
  }
  return groups;
}

function groupId(scope: string, resource: string): string {
  return `${scope}\u0000${resource}`;
}
