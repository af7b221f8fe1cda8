/**
 * Catches ticks of the server's access clock and asks idle times right after them.
 *
 * The clock (INFO `lru_clock`, src/evict.c) moves once a second, in serverCron, up to a tenth of a second late. Every
 * question is asked between two INFOs in one pipeline, so that each answer has its time by the server's own clock.
 */
import { Failure } from '../../shared/failures.ts';
import { type NodeInfo, parseInfo } from '../info.ts';
import { type CommandLine, type Reply, requireValue } from '../node.ts';
import type { ProbeContext } from './context.ts';

/** One answer after a tick. */
export interface Look {
  readonly key: string;
  readonly touched: boolean;
  /** Which look after the tick it was: 0 is the first. */
  readonly round: number;
  /** Seconds since the tick, at least and at most. */
  readonly from: number;
  readonly to: number;
}

export interface Tick {
  readonly looks: readonly Look[];
  /** When within the second to expect the next, in ms. */
  readonly nextPhaseMs: number;
}

export interface TickPlan {
  readonly keys: readonly string[];
  /** When to look at the keys after the tick, in ms. A key that was seen touched is not looked at again. */
  readonly looksMs: readonly number[];
  /** Whether to ask the keys while waiting for the tick: finer, and affordable for a few keys. */
  readonly askEarly: boolean;
  readonly expectedPhaseMs: number;
}

/** Before the tick is expected. */
const LEAD_MS = 4;
/** One that came before it was expected is made up for by the next. */
const TICK_WITHIN_MS = 1300;
/** Between two looks at the clock alone. */
const WAIT_MS = 1;
/** serverCron runs ten times a second and drifts: a tick that was late may be early the next time. */
const LATE_PHASE_MS = 85;
/** Keys in one pipeline: a fraction of a millisecond of the server. */
const PART = 500;

interface Moment {
  /** The tick came after the first and not after the second, by the server's clock in ms. */
  readonly afterMs: number;
  readonly byMs: number;
  readonly clock: number;
}

export async function catchTick(context: ProbeContext, plan: TickPlan): Promise<Tick> {
  const { moment, looks } = await awaitTick(context, plan);
  const seenAt = context.now();
  const waiting = new Set(plan.keys);
  for (const look of looks) if (look.touched) waiting.delete(look.key);
  for (const [round, lookMs] of plan.looksMs.entries()) {
    await context.sleep(seenAt + lookMs - context.now(), context.signal);
    const more = await lookAt(context, [...waiting], moment, round);
    if (more === undefined) break; // the next tick came: what follows is of another second
    looks.push(...more);
    for (const look of more) if (look.touched) waiting.delete(look.key);
    if (waiting.size === 0) break;
  }
  const phaseMs = moment.byMs % 1000;
  return { looks, nextPhaseMs: phaseMs < LATE_PHASE_MS ? phaseMs : 0 };
}

async function awaitTick(context: ProbeContext, plan: TickPlan): Promise<{ moment: Moment; looks: Look[] }> {
  const start = timesOf(await ask(context, []));
  await context.sleep((plan.expectedPhaseMs - LEAD_MS - (start.endedMs % 1000) + 2000) % 1000, context.signal);
  // The clock may have ticked during the sleep: what counts is the tick after it.
  const from = timesOf(await ask(context, []));
  const giveUpAt = context.now() + TICK_WITHIN_MS;
  const early = plan.askEarly ? plan.keys : [];
  let afterMs = from.endedMs;
  for (;;) {
    const answer = await ask(context, early);
    const { clockBefore, clockAfter, beganMs, endedMs } = timesOf(answer);
    if (clockBefore !== from.clockAfter) {
      const moment = { afterMs, byMs: beganMs, clock: clockBefore };
      return {
        moment,
        looks: clockAfter === clockBefore ? toLooks(early, answer.idle, beganMs, endedMs, moment, 0) : [],
      };
    }
    // A tick within the question spoils its answers, but is known all the same.
    if (clockAfter !== clockBefore)
      return { moment: { afterMs: beganMs, byMs: endedMs, clock: clockAfter }, looks: [] };
    afterMs = endedMs;
    if (!plan.askEarly) await context.sleep(WAIT_MS, context.signal);
    if (context.now() > giveUpAt) {
      throw new Failure('timeout', 'the access clock of the server did not tick when it should have');
    }
  }
}

function timesOf({ before, after }: { readonly before: NodeInfo; readonly after: NodeInfo }) {
  const { lruClock: clockBefore, serverTimeMs: beganMs } = before;
  const { lruClock: clockAfter, serverTimeMs: endedMs } = after;
  if (clockBefore === undefined || clockAfter === undefined || beganMs === undefined || endedMs === undefined) {
    throw new Failure('unsupported', 'the server does not tell its access clock (INFO lru_clock and server_time_usec)');
  }
  return { clockBefore, clockAfter, beganMs, endedMs };
}

/** Undefined when another tick has come. */
async function lookAt(
  context: ProbeContext,
  keys: readonly string[],
  moment: Moment,
  round: number,
): Promise<Look[] | undefined> {
  const looks: Look[] = [];
  for (let at = 0; at < keys.length; at += PART) {
    const part = keys.slice(at, at + PART);
    const answer = await ask(context, part);
    const { clockAfter, beganMs, endedMs } = timesOf(answer);
    if (clockAfter !== moment.clock) return undefined;
    looks.push(...toLooks(part, answer.idle, beganMs, endedMs, moment, round));
  }
  return looks;
}

function toLooks(
  keys: readonly string[],
  idle: readonly (number | undefined)[],
  beganMs: number,
  endedMs: number,
  moment: Moment,
  round: number,
): Look[] {
  const from = Math.max(0, (beganMs - moment.byMs) / 1000);
  const to = Math.max(1e-6, (endedMs - moment.afterMs) / 1000);
  return keys.flatMap((key, index) => {
    const seconds = idle[index];
    return seconds === undefined ? [] : [{ key, touched: seconds === 0, round, from, to }];
  });
}

const INFO_SERVER: CommandLine = ['INFO', 'server'];

async function ask(context: ProbeContext, keys: readonly string[]) {
  const lines = [
    INFO_SERVER,
    ...keys.map((key): CommandLine => ['OBJECT', 'IDLETIME', context.names.argument(key)]),
    INFO_SERVER,
  ];
  const replies = await context.node.pipeline(lines, context.signal);
  return {
    before: clockOf(replies[0]),
    after: clockOf(replies.at(-1)),
    idle: replies.slice(1, -1).map(idleOf),
  };
}

function clockOf(reply: Reply | undefined): NodeInfo {
  return parseInfo(String(requireValue(reply)));
}

/** Undefined for a key that expired or moved in between. */
function idleOf(reply: Reply): number | undefined {
  if (reply.ok) return reply.value === null ? undefined : Number(reply.value);
  if (reply.failure.code === 'moved') return undefined;
  throw reply.failure;
}
