/**
 * The arithmetic of the LFU counter (Redis source, src/evict.c): what OBJECT FREQ says of a key's rate.
 *
 * A new key starts at 5. At counter C a hit raises it with probability 1/(1 + f·n), n = C − 5, f = lfu-log-factor;
 * so N(C) = n + f·n(n−1)/2 hits lead to C on average. It falls by one every lfu-decay-time minutes. It stops at 255.
 */

export interface LfuSettings {
  readonly logFactor: number;
  readonly decayTimeMinutes: number;
}

export interface RateBounds {
  /** Per second; missing where the counter is at its ceiling, which says nothing of how much faster the key is used. */
  readonly rate?: number;
  readonly low: number;
  readonly high: number;
}

const INITIAL = 5;
export const SATURATED = 255;

/** Expected hits to raise a new key to `counter`. */
export function hitsToReach(counter: number, { logFactor }: LfuSettings): number {
  const n = Math.max(0, counter - INITIAL);
  return n + (logFactor * n * (n - 1)) / 2;
}

/**
 * The rate per second at which decay and hits balance at `counter`. A counter that never decays says nothing about
 * the present, and one with a decay time of two minutes or more never decays on a key that is read often (measured).
 */
export function steadyRate(counter: number, { logFactor, decayTimeMinutes }: LfuSettings): number {
  if (decayTimeMinutes !== 1) return 0;
  return (1 + logFactor * Math.max(0, counter - INITIAL)) / 60;
}

/**
 * The rate from two looks `elapsedMs` apart, with three standard deviations of the counter's own chance: k steps are
 * k geometric waits, so their number varies by √k.
 *
 * At the ceiling at either look the bounds are open: hits were not counted, and for up to a decay time after its last
 * hit a key still shows the ceiling, so that not even a least rate is sure.
 */
export function rateBetween(first: number, second: number, elapsedMs: number, settings: LfuSettings): RateBounds {
  const seconds = elapsedMs / 1000;
  if (Math.max(first, second) >= SATURATED || !(seconds > 0)) return { low: 0, high: Number.POSITIVE_INFINITY };
  const steps = Math.max(0, second - first);
  const stepHits = 1 + settings.logFactor * Math.max(0, second - INITIAL);
  const high = ((steps + 1 + 3 * Math.sqrt(steps + 1)) * stepHits) / seconds;
  if (steps === 0) {
    // Without decay the counter tells the past only; half a step more than was seen is the middle of what it allows.
    const usual = settings.decayTimeMinutes === 1 ? steadyRate(second, settings) : (0.5 * stepHits) / seconds;
    return { rate: Math.min(high, usual), low: 0, high };
  }
  const hits = hitsToReach(second, settings) - hitsToReach(first, settings);
  const low = (hits * Math.max(0, 1 - 3 / Math.sqrt(steps))) / seconds;
  return { rate: hits / seconds, low, high: Math.max(high, hits / seconds) };
}
