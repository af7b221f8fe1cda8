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
  readonly keys: readonly string[];
  /** When the keys were found with an idle time of 0 or 1, by the server's clock in ms: from, to. */
  readonly foundFromMs: number;
  readonly foundToMs: number;
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
/** Kept for the close looks even if the last single look did not see them touched. */
const KEPT_AT_LEAST = 24;
const MAX_TICKS = 9;
/** Kept after a close look: the fewer, the closer the looks follow each other. */
const CLOSEST = 16;
/** Ticks in which a few keys are looked at closely: more tell fast keys apart better. */
const CLOSE_TICKS = 6;
/** Late enough for a hot key to have been touched since the tick, early enough for most others not to. */
const COARSE_LOOK_MS = 12;
const CLOSE_LOOKS_MS = [0, 0, 0, 1, 2, 4, 8, 16, 32, 64];
const TICK_MS = 1150;

export async function measureTouches(context: ProbeContext, options: TouchOptions): Promise<Touches> {
  const { keys, untilMs } = options;
  const touches = new Map<string, FirstTouch[]>(keys.map((key) => [key, []]));
  let remaining = keys;
  let expectedPhaseMs = 0;
  let firstPhaseMs: number | undefined;
  let closeTicks = 0;
  for (let tick = 0; tick < MAX_TICKS && closeTicks < CLOSE_TICKS && remaining.length > 0; tick++) {
    if (tick > 0 && context.now() + TICK_MS > untilMs) break;
    const close = remaining.length <= FEW;
    const { looks, phaseMs, nextPhaseMs } = await catchTick(context, {
      keys: remaining,
      looksMs: close ? CLOSE_LOOKS_MS : [COARSE_LOOK_MS],
      askEarly: close,
      expectedPhaseMs,
    });
    expectedPhaseMs = nextPhaseMs;
    firstPhaseMs ??= phaseMs;
    if (close) closeTicks++;
    for (const [key, touch] of firstTouches(looks)) touches.get(key)?.push(touch);
    remaining = fastest(remaining, looks, touches, close);
    if (closeTicks > 1 && outOfSight(rank(touches)) <= 1) break;
  }
  const ranked = rank(touches);
  return { keys: ranked, others: touchesOfOthers(ranked, touches, touchedWithin(options, firstPhaseMs ?? 0)) };
}

function outOfSight(ranked: readonly TouchedKey[]): number {
  return ranked.filter(({ rate }) => rate === undefined).length;
}

/** After a single look: those that were touched. After many: the fastest of all ticks so far. */
function fastest(
  keys: readonly string[],
  looks: readonly Look[],
  touches: ReadonlyMap<string, readonly FirstTouch[]>,
  close: boolean,
): readonly string[] {
  const rankOf = (names: readonly string[]) => rank(new Map(names.map((key) => [key, touches.get(key) ?? []])));
  if (close) {
    return rankOf(keys)
      .slice(0, CLOSEST)
      .map(({ key }) => key);
  }
  const touched = new Set(looks.filter((look) => look.touched).map(({ key }) => key));
  if (touched.size > FEW) return [...touched];
  return rankOf(keys)
    .slice(0, Math.max(touched.size, KEPT_AT_LEAST))
    .map(({ key }) => key);
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

function rank(touches: ReadonlyMap<string, readonly FirstTouch[]>): TouchedKey[] {
  const keys = [...touches].flatMap(([key, own]) => (own.length === 0 ? [] : [{ key, ...rateOfTouches(own) }]));
  return keys.sort(
    (a, b) => (b.rate ?? Number.POSITIVE_INFINITY) - (a.rate ?? Number.POSITIVE_INFINITY) || b.low - a.low,
  );
}

/** What the model of independent touches may be off by, beside chance. */
const MODEL_ERROR = 0.1;

/**
 * An idle time of 0 or 1 means a touch after the last tick but one: within a second and what had passed of the next
 * one, here on average over the time of the search, in seconds.
 */
function touchedWithin({ foundFromMs, foundToMs }: TouchOptions, phaseMs: number): number {
  const points = 32;
  let passedMs = 0;
  for (let point = 0; point <= points; point++) {
    passedMs += (foundFromMs + ((foundToMs - foundFromMs) * point) / points - phaseMs + 1000) % 1000;
  }
  return 1 + passedMs / (points + 1) / 1000;
}

/**
 * What all keys but the first are touched a second, for the first to be told by what is left. A key counts by the
 * shortest time in which it was seen touched: 1/t a second is right on average as long as it is touched less than once
 * in t, and the faster ones have rates of their own.
 */
function touchesOfOthers(
  ranked: readonly TouchedKey[],
  touches: ReadonlyMap<string, readonly FirstTouch[]>,
  touchedWithin: number,
): Touches['others'] {
  let sum = 0;
  let variance = 0;
  for (const { key, rate } of ranked.slice(1)) {
    const seen = touches.get(key) ?? [];
    const [first] = seen;
    if (seen.length > 1) {
      sum += rate ?? 0;
      variance += (rate ?? 0) ** 2 / seen.length;
    } else {
      const within = first !== undefined && first.to !== Number.POSITIVE_INFINITY ? first.to : touchedWithin;
      if (within <= 0) continue;
      sum += 1 / within;
      variance += 1 / within ** 2;
    }
  }
  const spread = 3 * Math.sqrt(variance) + MODEL_ERROR * sum;
  return { low: Math.max(0, sum - spread), estimate: sum, high: sum + spread };
}
