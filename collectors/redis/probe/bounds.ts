/** Bounds on shares: what chance could have done to a sample, and what the whole leaves for one part. */

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** Three standard deviations: the true share is outside in fewer than 3 of 1,000 samples. */
const DEVIATIONS = 3;

/** Wilson's score interval for `hits` of `trials` (Wilson 1927; it holds for small counts, unlike p ± zσ). */
export function binomialBounds(hits: number, trials: number): Bounds {
  if (trials <= 0) return { low: 0, high: 1 };
  const p = Math.min(1, hits / trials);
  const z2 = DEVIATIONS * DEVIATIONS;
  const centre = (p + z2 / (2 * trials)) / (1 + z2 / trials);
  const half = (DEVIATIONS / (1 + z2 / trials)) * Math.sqrt((p * (1 - p)) / trials + z2 / (4 * trials * trials));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * Shares of parts that together make up a known whole: each is at least what the others cannot have taken, and at
 * most what they must leave.
 */
export function boundWithin<T extends Bounds>(whole: Bounds, parts: readonly T[]): T[] {
  let lows = 0;
  let highs = 0;
  for (const part of parts) {
    lows += part.low;
    highs += part.high;
  }
  return parts.map((part) => {
    const low = Math.max(part.low, whole.low - (highs - part.high));
    const high = Math.min(part.high, whole.high - (lows - part.low));
    return { ...part, low: clamp(Math.min(low, high)), high: clamp(Math.max(low, high)) };
  });
}

export function clamp(ratio: number): number {
  return Math.min(1, Math.max(0, ratio));
}
