/**
 * CLUSTER SLOT-STATS (Valkey 8.0, Redis 8.2): cumulative load by slot. Without `cluster-slot-stats-enabled yes` a
 * server tells the number of keys only.
 */
import type { Sample } from '../../src/model.ts';
import { Failure } from '../shared/failures.ts';
import { BYTES_IN, BYTES_OUT, CPU, SLOTS } from './resources.ts';

export interface SlotLoad {
  readonly cpuUsec: number;
  /** Missing where the server counts CPU alone (Redis 8.6: `cluster-slot-stats-enabled cpu`). */
  readonly bytesIn?: number;
  readonly bytesOut?: number;
}

export type SlotLoads = ReadonlyMap<number, SlotLoad>;

export const SLOT_STATS_REMEDY = 'CONFIG SET cluster-slot-stats-enabled yes';

/**
 * By hand rather than by schema: 16,384 rows at a time, and a schema took ten times as long.
 * @param reply [slot, [`key-count`, n, `cpu-usec`, n, `network-bytes-in`, n, `network-bytes-out`, n]], …]
 * @throws Failure `disabled` when only key counts are there, `garbage`
 */
export function parseSlotStats(reply: unknown): SlotLoads {
  if (!Array.isArray(reply)) throw garbage();
  const loads = new Map<number, SlotLoad>();
  for (const row of reply) {
    if (!Array.isArray(row) || !Number.isInteger(row[0]) || !Array.isArray(row[1])) throw garbage();
    if (row[0] < 0 || row[0] > 16_383) throw garbage();
    const fields: unknown[] = row[1];
    const cpuUsec = fieldOf(fields, 'cpu-usec');
    if (cpuUsec === undefined) {
      throw new Failure('disabled', 'slot statistics are switched off', { remedy: SLOT_STATS_REMEDY });
    }
    const bytesIn = fieldOf(fields, 'network-bytes-in');
    const bytesOut = fieldOf(fields, 'network-bytes-out');
    loads.set(Number(row[0]), {
      cpuUsec,
      ...(bytesIn !== undefined && { bytesIn }),
      ...(bytesOut !== undefined && { bytesOut }),
    });
  }
  return loads;
}

/** No counter of a server is wider than 64 bits. */
const MOST = 2 ** 64;

function fieldOf(fields: readonly unknown[], name: string): number | undefined {
  const at = fields.indexOf(name);
  if (at < 0) return undefined;
  const value = fields[at + 1];
  if (typeof value !== 'number' || !(value >= 0 && value <= MOST)) throw garbage();
  return value;
}

function garbage(): Failure {
  return new Failure('garbage', 'the reply to CLUSTER SLOT-STATS is not a table of slots');
}

interface Observation {
  readonly epoch: string;
  readonly atMs: number;
  readonly loads: SlotLoads;
}

/** Differences by slot. A slot whose counters went back (moved in) is left out of that window. */
export class SlotWindows {
  readonly #last = new Map<string, Observation>();

  /**
   * @returns the samples of the slots that had load; undefined on a first look
   * @throws Failure `reset` when most of the slots that had counted anything went back
   */
  observe(owner: string, epoch: string, atMs: number, loads: SlotLoads, cpuLimit: number): Sample[] | undefined {
    const before = this.#last.get(owner);
    this.#last.set(owner, { epoch, atMs, loads });
    const windowMs = before === undefined ? 0 : atMs - before.atMs;
    if (before === undefined || before.epoch !== epoch || windowMs <= 0) return undefined;
    const samples: Sample[] = [];
    let counted = 0;
    let wentBack = 0;
    for (const [slot, load] of loads) {
      const last = before.loads.get(slot);
      if (last === undefined) continue;
      if (last.cpuUsec + (last.bytesIn ?? 0) + (last.bytesOut ?? 0) > 0) counted++;
      const cpuUsec = load.cpuUsec - last.cpuUsec;
      const bytesIn = difference(load.bytesIn, last.bytesIn);
      const bytesOut = difference(load.bytesOut, last.bytesOut);
      if (cpuUsec < 0 || (bytesIn ?? 0) < 0 || (bytesOut ?? 0) < 0) {
        wentBack++;
        continue;
      }
      if (cpuUsec + (bytesIn ?? 0) + (bytesOut ?? 0) === 0) continue;
      const common = { scope: SLOTS.name, peer: String(slot), windowMs, owner };
      samples.push({ ...common, resource: CPU.name, value: cpuUsec / 1000 / windowMs, limit: cpuLimit });
      if (bytesIn !== undefined) samples.push({ ...common, resource: BYTES_IN.name, value: bytesIn });
      if (bytesOut !== undefined) samples.push({ ...common, resource: BYTES_OUT.name, value: bytesOut });
    }
    // What the others seem to have counted is then no count of this window either.
    if (wentBack * 2 > counted) {
      throw new Failure('reset', 'the counters of its slots went back (CONFIG RESETSTAT); the next look counts again');
    }
    return samples;
  }

  retain(owners: ReadonlySet<string>): void {
    for (const owner of this.#last.keys()) if (!owners.has(owner)) this.#last.delete(owner);
  }
}

function difference(now: number | undefined, before: number | undefined): number | undefined {
  return now === undefined || before === undefined ? undefined : now - before;
}
