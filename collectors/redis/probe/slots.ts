/** From a hot slot to its keys: differences of slot statistics point at the slot, whose few keys are then looked at. */
import * as z from 'zod';
import { Failure } from '../../shared/failures.ts';
import { parseSlotStats, type SlotLoads } from '../slot-stats.ts';
import { binomialBounds, type Estimate, ratioOf } from './bounds.ts';
import type { ProbeContext } from './context.ts';

export interface HotSlot {
  readonly slot: number;
  /** Of the CPU that the node's commands took, over all its slots. */
  readonly cpuShare: number;
  /** Of the node's requests in bytes, and the bounds that its CPU and its bytes set. */
  readonly share: Estimate;
  readonly bytesInPerSecond: number;
  readonly keys: readonly string[];
  /** False when the slot has more keys than were read. */
  readonly complete: boolean;
}

const WINDOW_MS = 1000;
const LEAST_SHARE = 0.05;
const MAX_SLOTS = 4;
const MAX_KEYS_A_SLOT = 2000;
/** A request is at least this long: no fewer events than this many bytes each were seen. */
const BYTES_AN_EVENT = 64;

const names = z.array(z.union([z.string(), z.instanceof(Buffer)]));

/** The slots that take at least 5 % of the node's CPU or bytes right now, hottest first, with their keys. */
export async function findHotSlots(context: ProbeContext): Promise<HotSlot[]> {
  const before = await readSlots(context);
  const startedAt = context.now();
  await context.sleep(WINDOW_MS, context.signal);
  const after = await readSlots(context);
  const elapsedMs = context.now() - startedAt;

  const spent: { slot: number; cpuUsec: number; bytesIn: number }[] = [];
  const total = { cpuUsec: 0, bytesIn: 0 };
  for (const [slot, load] of after) {
    const last = before.get(slot) ?? load;
    const cpuUsec = load.cpuUsec - last.cpuUsec;
    const bytesIn = (load.bytesIn ?? 0) - (last.bytesIn ?? 0);
    if (cpuUsec < 0 || bytesIn < 0) continue; // moved in, or reset in between
    spent.push({ slot, cpuUsec, bytesIn });
    total.cpuUsec += cpuUsec;
    total.bytesIn += bytesIn;
  }
  const hot = spent
    .map((load) => ({
      slot: load.slot,
      cpuShare: ratioOf(load.cpuUsec, total.cpuUsec),
      bytesShare: ratioOf(load.bytesIn, total.bytesIn),
      bytesInPerSecond: (load.bytesIn * 1000) / elapsedMs,
    }))
    .filter(({ cpuShare, bytesShare }) => Math.max(cpuShare, bytesShare) >= LEAST_SHARE)
    .sort((a, b) => b.bytesShare - a.bytesShare)
    .slice(0, MAX_SLOTS);
  const events = total.bytesIn / BYTES_AN_EVENT;
  return Promise.all(
    hot.map(async ({ slot, cpuShare, bytesShare, bytesInPerSecond }) => {
      const reply = await context.node.ask(['CLUSTER', 'GETKEYSINSLOT', slot, MAX_KEYS_A_SLOT], context.signal);
      const keys = names.safeParse(reply);
      if (!keys.success) throw new Failure('garbage', 'the reply to CLUSTER GETKEYSINSLOT is not a list of keys');
      const { low, high } = binomialBounds(bytesShare * events, events);
      return {
        slot,
        cpuShare,
        share: { low: Math.min(low, cpuShare), estimate: bytesShare, high: Math.max(high, cpuShare) },
        bytesInPerSecond,
        keys: keys.data.map((raw) => context.names.decode(raw)),
        complete: keys.data.length < MAX_KEYS_A_SLOT,
      };
    }),
  );
}

async function readSlots(context: ProbeContext): Promise<SlotLoads> {
  return parseSlotStats(await context.node.ask(['CLUSTER', 'SLOT-STATS', 'SLOTSRANGE', 0, 16_383], context.signal));
}
