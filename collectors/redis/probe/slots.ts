/** From a hot slot to its keys: differences of slot statistics point at the slot, whose few keys are then looked at. */
import * as z from 'zod';
import { Failure } from '../../shared/failures.ts';
import { type NodeInfo, parseInfo } from '../info.ts';
import { requireValue } from '../node.ts';
import { parseSlotStats, type SlotLoads } from '../slot-stats.ts';
import { binomialBounds, clamp, type Estimate, ratioOf } from './bounds.ts';
import { appRates, type ProbeContext } from './context.ts';
import { shortestRequest } from './request-size.ts';

export interface HotSlot {
  readonly slot: number;
  /** Of the CPU that the node's commands took, over all its slots. */
  readonly cpuShare: number;
  /**
   * Of the node's load: at least the lower of its shares of CPU and of bytes received, which is the estimate; at most
   * the share of calls whose shortest requests would be as many bytes.
   */
  readonly share: Estimate;
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
  const before = await look(context);
  await context.sleep(WINDOW_MS, context.signal);
  const after = await look(context);
  const calls = appRates(before.info, after.info, new Map(), WINDOW_MS)?.calls ?? 0;
  const spent = spentBetween(before.loads, after.loads);
  const total = { cpuUsec: 0, bytesIn: 0 };
  for (const load of spent) {
    total.cpuUsec += load.cpuUsec;
    total.bytesIn += load.bytesIn;
  }
  const hot = spent
    .map((load) => ({
      ...load,
      cpuShare: ratioOf(load.cpuUsec, total.cpuUsec),
      bytesShare: ratioOf(load.bytesIn, total.bytesIn),
    }))
    .filter(({ cpuShare, bytesShare }) => Math.max(cpuShare, bytesShare) >= LEAST_SHARE)
    .sort((a, b) => Math.max(b.bytesShare, b.cpuShare) - Math.max(a.bytesShare, a.cpuShare))
    .slice(0, MAX_SLOTS);
  const events = total.bytesIn / BYTES_AN_EVENT;
  return Promise.all(
    hot.map(async ({ slot, bytesIn, cpuShare, bytesShare }) => {
      const reply = await context.node.ask(['CLUSTER', 'GETKEYSINSLOT', slot, MAX_KEYS_A_SLOT], context.signal);
      const parsed = names.safeParse(reply);
      if (!parsed.success) throw new Failure('garbage', 'the reply to CLUSTER GETKEYSINSLOT is not a list of keys');
      const keys = parsed.data.map((raw) => context.names.decode(raw));
      const { low, high } = binomialBounds(bytesShare * events, events);
      const mostCalls = calls > 0 ? clamp(bytesIn / Math.min(...keys.map(shortestRequest)) / calls) : 1;
      return {
        slot,
        cpuShare,
        // With `cluster-slot-stats-enabled cpu` no bytes are told.
        share:
          total.bytesIn > 0
            ? { low: Math.min(low, cpuShare), estimate: bytesShare, high: Math.max(high, cpuShare, mostCalls) }
            : { low: 0, estimate: cpuShare, high: 1 },
        keys,
        complete: keys.length < MAX_KEYS_A_SLOT,
      };
    }),
  );
}

interface SlotSpent {
  readonly slot: number;
  readonly cpuUsec: number;
  readonly bytesIn: number;
}

function spentBetween(before: SlotLoads, after: SlotLoads): SlotSpent[] {
  const spent: SlotSpent[] = [];
  for (const [slot, load] of after) {
    const last = before.get(slot) ?? load;
    const cpuUsec = load.cpuUsec - last.cpuUsec;
    const bytesIn = (load.bytesIn ?? 0) - (last.bytesIn ?? 0);
    if (cpuUsec >= 0 && bytesIn >= 0) spent.push({ slot, cpuUsec, bytesIn }); // else moved in, or reset in between
  }
  return spent;
}

/** Slots and commands at one moment of the server. */
async function look(context: ProbeContext): Promise<{ loads: SlotLoads; info: NodeInfo }> {
  const [slots, info] = await context.node.pipeline(
    [
      ['CLUSTER', 'SLOT-STATS', 'SLOTSRANGE', 0, 16_383],
      ['INFO', 'all'],
    ],
    context.signal,
  );
  return { loads: parseSlotStats(requireValue(slots)), info: parseInfo(String(requireValue(info))) };
}
