/** From a hot slot to its keys: differences of slot statistics point at the slot, whose few keys are then looked at. */
import * as z from 'zod';
import { Failure } from '../../shared/failures.ts';
import { parseSlotStats, type SlotLoads } from '../slot-stats.ts';
import { type Bounds, binomialBounds } from './bounds.ts';
import type { ProbeContext } from './context.ts';

export interface HotSlot {
  readonly slot: number;
  /** Of the node's CPU over all its slots. */
  readonly share: number;
  readonly bounds: Bounds;
  readonly keys: readonly string[];
  /** False when the slot has more keys than were read. */
  readonly complete: boolean;
}

const WINDOW_MS = 1000;
const LEAST_SHARE = 0.05;
const MAX_SLOTS = 4;
const MAX_KEYS_A_SLOT = 2000;
/** CPU of a slot is measured in whole microseconds a command: a window of fewer says little. */
const USEC_AN_EVENT = 1;

const names = z.array(z.string());

/** The slots that take at least 5 % of the node's CPU right now, hottest first, with their keys. */
export async function findHotSlots(context: ProbeContext): Promise<HotSlot[]> {
  const before = await readSlots(context);
  await context.sleep(WINDOW_MS, context.signal);
  const after = await readSlots(context);

  const spent: { slot: number; usec: number }[] = [];
  let total = 0;
  for (const [slot, load] of after) {
    const usec = load.cpuUsec - (before.get(slot)?.cpuUsec ?? load.cpuUsec);
    if (usec <= 0) continue;
    spent.push({ slot, usec });
    total += usec;
  }
  const hot = spent
    .filter(({ usec }) => usec >= LEAST_SHARE * total)
    .sort((a, b) => b.usec - a.usec)
    .slice(0, MAX_SLOTS);
  return Promise.all(
    hot.map(async ({ slot, usec }) => {
      const reply = await context.node.ask(['CLUSTER', 'GETKEYSINSLOT', slot, MAX_KEYS_A_SLOT], context.signal);
      const keys = names.safeParse(reply);
      if (!keys.success) throw new Failure('garbage', 'the reply to CLUSTER GETKEYSINSLOT is not a list of keys');
      return {
        slot,
        share: usec / total,
        bounds: binomialBounds(usec / USEC_AN_EVENT, total / USEC_AN_EVENT),
        keys: keys.data,
        complete: keys.data.length < MAX_KEYS_A_SLOT,
      };
    }),
  );
}

async function readSlots(context: ProbeContext): Promise<SlotLoads> {
  return parseSlotStats(await context.node.ask(['CLUSTER', 'SLOT-STATS', 'SLOTSRANGE', 0, 16_383], context.signal));
}
