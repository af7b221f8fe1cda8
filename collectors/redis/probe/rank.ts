/**
 * Ranks keys by what the server notes of each: its LFU counter where the policy is LFU, the touches after a tick of
 * its access clock otherwise. Gives rates a second; `index.ts` makes shares of them.
 */
import * as z from 'zod';
import { isLfu } from '../evidence.ts';
import type { Estimate } from './bounds.ts';
import type { ProbeContext } from './context.ts';
import { type LfuSettings, type RateBounds, rateBetween, SATURATED } from './lfu.ts';
import { lookAtKeys, type Seen, sweepNode } from './sweep.ts';
import { measureTouches } from './touch.ts';

export interface RankedKey extends RateBounds {
  readonly key: string;
}

export interface Ranking {
  /** Fastest first. Those without a rate are out of sight: only a least rate is known. */
  readonly keys: readonly RankedKey[];
  readonly how: string;
  /** True when every key of the node or slot was looked at. */
  readonly complete: boolean;
  /** Touches a second of all keys but the first, where every key was looked at. */
  readonly others?: Estimate;
}

const KEPT = 64;
/** Keys touched in the last second or two; more of them are only partly looked at. */
const CANDIDATES = 50_000;
const BETWEEN_LOOKS_MS = 2000;
const LAST_LOOK_MS = 200;
/** So many steps of a counter vary by a third. */
const TELLING_STEPS = 9;
/** The part of a probe's time that a sweep may take; the rest is for measuring what it found. */
const SWEEP_PART = 0.5;

/** @param keys the keys to rank; without them, every key of the node */
export async function rankKeys(
  context: ProbeContext,
  keys: readonly string[] | undefined,
  untilMs: number,
): Promise<Ranking> {
  return isLfu(context.info) ? rankByCounter(context, keys, untilMs) : rankByTouch(context, keys, untilMs);
}

async function rankByCounter(
  context: ProbeContext,
  names: readonly string[] | undefined,
  untilMs: number,
): Promise<Ranking> {
  const settings = await lfuSettings(context);
  const commandFor = (key: string) => ['OBJECT', 'FREQ', context.names.argument(key)] as const;
  const options = { commandFor, score: (counter: number) => counter, keep: KEPT };
  const firstAt = context.now();
  const { found, complete, extent } = await candidates(context, names, untilMs, options);
  const sweptAt = context.now();
  const first = new Map(found.map(({ key, value }) => [key, value]));
  const lookAgain = () => lookAtKeys(context, [...first.keys()], options);
  await context.sleep(Math.min(BETWEEN_LOOKS_MS, untilMs - sweptAt - LAST_LOOK_MS), context.signal);
  let again = await lookAgain();
  const moved = again.some(({ key, value }) => value - (first.get(key) ?? value) >= TELLING_STEPS);
  if (!moved && untilMs - context.now() > 2 * LAST_LOOK_MS) {
    // The higher a counter, the seldomer it moves: all the time there is makes it tell more.
    await context.sleep(untilMs - context.now() - LAST_LOOK_MS, context.signal);
    again = await lookAgain();
  }
  // A key was first seen at some moment of the sweep: its middle is the best guess for all of them.
  const elapsedMs = context.now() - (firstAt + sweptAt) / 2;
  const keys = again.map(({ key, value }) => ({
    key,
    ...rateBetween(first.get(key) ?? value, value, elapsedMs, settings),
  }));
  const saturated = again.filter(({ value }) => value >= SATURATED).length;
  const ceiling = saturated > 0 ? `; ${saturated} at the counter's ceiling of ${SATURATED}` : '';
  return { keys: fastestFirst(keys), how: `OBJECT FREQ twice over ${extent}${ceiling}`, complete };
}

async function rankByTouch(
  context: ProbeContext,
  names: readonly string[] | undefined,
  untilMs: number,
): Promise<Ranking> {
  const commandFor = (key: string) => ['OBJECT', 'IDLETIME', context.names.argument(key)] as const;
  // An idle time of 0 or 1 is a touch after the last tick but one: within one to two seconds.
  const options = { commandFor, score: (idle: number) => (idle <= 1 ? -idle : undefined), keep: CANDIDATES };
  const { found, complete, extent } = await candidates(context, names, untilMs, options);
  const touches = await measureTouches(context, {
    keys: new Map(found.map(({ key, value }) => [key, -value])),
    untilMs,
  });
  return {
    keys: touches.keys.slice(0, KEPT),
    how: `idle times after ticks of the access clock over ${extent}`,
    complete: complete && found.length < CANDIDATES,
    others: touches.others,
  };
}

async function candidates(
  context: ProbeContext,
  names: readonly string[] | undefined,
  untilMs: number,
  options: Parameters<typeof lookAtKeys>[2],
): Promise<{ found: readonly Seen[]; complete: boolean; extent: string }> {
  if (names !== undefined) {
    return {
      found: await lookAtKeys(context, names, options),
      complete: true,
      extent: `${names.length} keys of its hot slots`,
    };
  }
  const sweepUntilMs = context.now() + (untilMs - context.now()) * SWEEP_PART;
  const sweep = await sweepNode(context, { ...options, maxKeys: context.config.probe.maxKeys, untilMs: sweepUntilMs });
  const extent = sweep.complete ? `all ${sweep.seen} keys` : `${sweep.seen} of ${context.info.keys} keys`;
  return { found: sweep.best, complete: sweep.complete, extent };
}

function fastestFirst(keys: readonly RankedKey[]): RankedKey[] {
  return keys.toSorted((a, b) => (b.rate ?? Number.POSITIVE_INFINITY) - (a.rate ?? Number.POSITIVE_INFINITY));
}

const configReply = z.array(z.string());

/** As the server has them; as configured where CONFIG GET is forbidden. */
async function lfuSettings(context: ProbeContext): Promise<LfuSettings> {
  const [factor, decay] = await context.node.pipeline(
    [
      ['CONFIG', 'GET', 'lfu-log-factor'],
      ['CONFIG', 'GET', 'lfu-decay-time'],
    ],
    context.signal,
  );
  const read = (reply: typeof factor) => {
    const parsed = reply?.ok === true ? configReply.safeParse(reply.value) : undefined;
    const value = Number(parsed?.success === true ? parsed.data[1] : Number.NaN);
    return Number.isFinite(value) ? value : undefined;
  };
  return {
    logFactor: read(factor) ?? context.config.lfu.logFactor,
    decayTimeMinutes: read(decay) ?? context.config.lfu.decayTimeMinutes,
  };
}
