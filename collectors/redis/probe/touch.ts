/**
 * Ranks keys by how soon after a tick of the access clock they are touched again, narrowing from tick to tick:
 * thousands are looked at once, the fastest few then many times. Works on any server whose eviction policy is not
 * LFU, the default included, with OBJECT IDLETIME alone.
 */
import type { Estimate } from './bounds.ts';
import type { ProbeContext } from './context.ts';
import { catchTick, type Look } from './ticks.ts';
import { type FirstTouch, rateOfTouches, type TouchRate } from './touch-rate.ts';

export interface TouchedKey extends TouchRate {
  readonly key: string;
}

export interface TouchOptions {
  /** The keys that were found with an idle time of 0 or 1, and which of the two. */
  readonly keys: ReadonlyMap<string, number>;
  /** By the clock of the context: no tick is begun that could not end by then. */
  readonly untilMs: number;
}

export interface Touches {
  /** Fastest first; those without a rate were touched again faster than we could look. */
  readonly keys: readonly TouchedKey[];
  /** Touches a second of all keys but the first, with three standard deviations. */
  readonly others: Estimate;
}

/** As many as can be looked at many times after one tick. */
const FEW = 200;
/** Kept for the close looks even if the coarse one did not see them touched at once. */
const KEPT_AT_LEAST = 24;
const MAX_TICKS = 9;
/** Kept after a close look: the fewer, the closer the looks follow each other. */
const CLOSEST = 16;
/** Ticks in which a few keys are looked at closely: more tell fast keys apart better. */
const CLOSE_TICKS = 6;
/** Late enough for a hot key to have been touched since the tick, early enough for most others not to; then once more. */
const COARSE_LOOKS_MS = [12, 250];
const CLOSE_LOOKS_MS = [0, 0, 0, 1, 2, 4, 8, 16, 32, 64];
const TICK_MS = 1150;

export async function measureTouches(context: ProbeContext, options: TouchOptions): Promise<Touches> {
  const { keys, untilMs } = options;
  const touches = new Map<string, FirstTouch[]>([...keys.keys()].map((key) => [key, []]));
  const known: KnownRates = new Map();
  let remaining: readonly string[] = [...keys.keys()];
  let expectedPhaseMs = 0;
  let firstSpan = 0;
  let closeTicks = 0;
  for (let tick = 0; tick < MAX_TICKS && closeTicks < CLOSE_TICKS && remaining.length > 0; tick++) {
    if (tick > 0 && context.now() + TICK_MS > untilMs) break;
    const close = remaining.length <= FEW;
    const { looks, nextPhaseMs } = await catchTick(context, {
      keys: remaining,
      looksMs: close ? CLOSE_LOOKS_MS : COARSE_LOOKS_MS,
      // Until the first tick has shown when to expect the next, asking early would be asking for a tenth of a second.
      askEarly: close && tick > 0,
      expectedPhaseMs,
    });
    expectedPhaseMs = nextPhaseMs;
    if (close) closeTicks++;
    if (tick === 0) firstSpan = longest(looks);
    for (const [key, touch] of firstTouches(looks)) touches.get(key)?.push(touch);
    remaining = fastest(remaining, looks, touches, close, known);
    if (closeTicks > 1 && isSettled(rank(touches, known))) break;
  }
  const ranked = rank(touches, known);
  const [first] = ranked;
  if (first !== undefined) touches.delete(first.key);
  return { keys: ranked, others: touchesInAll(keys, touches, firstSpan) };
}

/** Seconds from the tick to the end of its looks. */
function longest(looks: readonly Look[]): number {
  let span = 0;
  for (const { to } of looks) span = Math.max(span, to);
  return span;
}

/** One key is out of sight alone, or faster than any other can be. */
function isSettled([first, ...others]: readonly TouchedKey[]): boolean {
  if (first === undefined) return true;
  return others.every(({ rate, high }) => rate !== undefined && (first.rate === undefined || high < first.low));
}

/** After a coarse look: those that its first round saw touched. After a close one: the fastest of all ticks so far. */
function fastest(
  keys: readonly string[],
  looks: readonly Look[],
  touches: ReadonlyMap<string, readonly FirstTouch[]>,
  close: boolean,
  known: KnownRates,
): readonly string[] {
  const atOnce = looks.filter(({ touched, round }) => touched && round === 0).map(({ key }) => key);
  if (!close && atOnce.length > FEW) return atOnce;
  const ranked = rank(new Map(keys.map((key) => [key, touches.get(key) ?? []])), known);
  return ranked.slice(0, close ? CLOSEST : Math.max(atOnce.length, KEPT_AT_LEAST)).map(({ key }) => key);
}

function firstTouches(looks: readonly Look[]): Map<string, FirstTouch> {
  const found = new Map<string, FirstTouch>();
  for (const { key, touched, from, to } of looks) {
    const before = found.get(key);
    const since = before?.from ?? 0;
    if (touched) found.set(key, { from: since, to: Math.max(to, since + 1e-6) });
    else found.set(key, { from: Math.max(since, from), to: Number.POSITIVE_INFINITY });
  }
  return found;
}

/** By key, what so many touches told: a rate takes a search, and nearly all keys are seen in the first tick only. */
type KnownRates = Map<string, { readonly touches: number; readonly key: TouchedKey }>;

function rank(touches: ReadonlyMap<string, readonly FirstTouch[]>, known: KnownRates): TouchedKey[] {
  const keys = [...touches].flatMap(([key, own]) => (own.length === 0 ? [] : [rateOf(key, own, known)]));
  return keys.sort(
    (a, b) => (b.rate ?? Number.POSITIVE_INFINITY) - (a.rate ?? Number.POSITIVE_INFINITY) || b.low - a.low,
  );
}

function rateOf(key: string, touches: readonly FirstTouch[], known: KnownRates): TouchedKey {
  const before = known.get(key);
  if (before?.touches === touches.length) return before.key;
  const found = { key, ...rateOfTouches(touches) };
  known.set(key, { touches: touches.length, key: found });
  return found;
}

/** What the model of independent touches may be off by, beside chance: on real servers the sum was up to 0.3 too low. */
const MODEL_ERROR = 0.5;

/**
 * What some keys are touched a second in all, from a look at each.
 *
 * A key that is touched once in a long while is seen, if at all, by its idle time of 1: touched in the second before
 * the last tick and not since. There are as many of them as touches a second of such keys (Good 1953: what was seen once
 * tells the rate of what is rarely seen). The faster ones were seen touched soon after the first tick, with the
 * probability p = 1 − e^(−λt), and each of them stands for 1/p like it (Horvitz and Thompson 1952), at the rate that the
 * later ticks tell. Between the two a key with an idle time of 1 counts half.
 *
 * @param span t, in seconds
 */
function touchesInAll(
  idle: ReadonlyMap<string, number>,
  touches: ReadonlyMap<string, readonly FirstTouch[]>,
  span: number,
): Estimate {
  let sum = 0;
  let variance = 0;
  for (const [key, [first, ...later]] of touches) {
    const rare = idle.get(key) === 1;
    if (rare) {
      sum += 1;
      variance += 1;
    }
    if (first === undefined || first.to === Number.POSITIVE_INFINITY || span <= 0) continue;
    const { rate, low } = later.length > 0 ? rateOfTouches(later) : { rate: 0, low: 0 };
    const told = rate ?? low;
    const seen = told > 0 ? -Math.expm1(-told * span) : 0;
    const standsFor = (rare ? 0.5 : 1) * (seen > 1e-6 ? told / seen : 1 / span);
    sum += standsFor;
    variance += standsFor ** 2 * Math.max(1 - seen, 1 / Math.max(1, later.length));
  }
  const spread = 3 * Math.sqrt(variance) + MODEL_ERROR * sum;
  return { low: Math.max(0, sum - spread), estimate: sum, high: sum + spread };
}
