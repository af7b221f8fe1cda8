/** Questions to a reading: who is in it, and who should be and is not. */
import type { HotspotRef, Reading } from './model.ts';

/** Whether nothing at all of the hotspot's peer could be read: a probe would only fail as the poll did. */
export function isSilent(reading: Reading | undefined, { scope, peer }: HotspotRef): boolean {
  if (reading === undefined || reading.samples.some((sample) => sample.scope === scope && sample.peer === peer)) {
    return false;
  }
  return reading.absences.some(
    (absence) =>
      absence.scope === scope &&
      (absence.peer ?? peer) === peer &&
      absence.resource === undefined &&
      absence.code !== 'warming' &&
      absence.code !== 'reset',
  );
}

/** Whether the peer answered, or should have. */
export function isPeerOf(reading: Reading, peer: string): boolean {
  return (
    reading.samples.some((sample) => sample.peer === peer) || reading.absences.some((absence) => absence.peer === peer)
  );
}
