/** Seeded chance: the same seed gives the same load. */

/** A generator of numbers in [0, 1) (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws 0 … weights.length−1, each exactly in proportion to its weight, in constant time (the alias method). */
export function weightedSampler(weights: readonly number[] | Float64Array, random: () => number): () => number {
  const count = weights.length;
  let total = 0;
  for (const weight of weights) total += weight;
  if (!(total > 0)) throw new RangeError('weights: at least one must be above zero');
  const scaled = Float64Array.from(weights, (weight) => (weight * count) / total);
  const keep = new Float64Array(count).fill(1);
  const alias = Uint32Array.from({ length: count }, (_, i) => i);
  const small: number[] = [];
  const large: number[] = [];
  for (let i = 0; i < count; i++) ((scaled[i] ?? 0) < 1 ? small : large).push(i);
  for (let low = small.pop(), high = large.pop(); low !== undefined && high !== undefined; ) {
    const own = scaled[low] ?? 0;
    keep[low] = own;
    alias[low] = high;
    const left = (scaled[high] ?? 0) - (1 - own);
    scaled[high] = left;
    if (left < 1) {
      low = high;
      high = large.pop();
    } else {
      low = small.pop();
    }
  }
  return () => {
    const at = random() * count;
    const i = Math.floor(at);
    return at - i < (keep[i] ?? 1) ? i : (alias[i] ?? i);
  };
}

/** Draws ranks 0 … count−1, rank i with a weight of 1/(i+1)^exponent. */
export function zipfSampler(count: number, exponent: number, random: () => number): () => number {
  return weightedSampler(
    Float64Array.from({ length: count }, (_, i) => (i + 1) ** -exponent),
    random,
  );
}

/** A Poisson number with the given mean: what a random process does within one tick. */
export function poisson(mean: number, random: () => number): number {
  if (mean > 60) {
    // The normal approximation is within a fraction of a per cent here.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const floor = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > floor; product *= random()) count++;
  return count;
}
