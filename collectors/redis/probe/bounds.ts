/** Bounds on shares: what chance could have done to a sample, and what the whole leaves for one part. */

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** −ln 0.005: on each side the true share is outside in fewer than 5 of 1,000 samples. */
const DEVIANCE = 5.3;
const HALVINGS = 50;

/**
 * The shares that `hits` of `trials` leave possible, by Chernoff's bound: it holds for any count, also for the few
 * hits of a rare key, where Wilson's interval does not (measured: 95 % for one of one).
 */
export function binomialBounds(hits: number, trials: number): Bounds {
  if (!(trials > 0)) return { low: 0, high: 1 };
  const seen = clamp(hits / trials);
  const isPossible = (share: number) => trials * divergence(seen, share) <= DEVIANCE;
  return { low: edge(seen, 0, isPossible), high: edge(seen, 1, isPossible) };
}

/** Where possible shares end between `inside`, which is possible, and `outside`; never short of it. */
function edge(inside: number, outside: number, isPossible: (share: number) => boolean): number {
  if (isPossible(outside)) return outside;
  let [within, beyond] = [inside, outside];
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (within + beyond) / 2;
    if (isPossible(middle)) within = middle;
    else beyond = middle;
  }
  return beyond;
}

/** Kullback and Leibler's, of two coins, in nats. */
function divergence(seen: number, share: number): number {
  const term = (p: number, q: number) => (p === 0 ? 0 : p * Math.log(p / q));
  return term(seen, share) + term(1 - seen, 1 - share);
}

export interface Estimate extends Bounds {
  readonly estimate: number;
}

interface Share extends Bounds {
  /** Missing where the evidence only bounds it. */
  readonly share?: number;
}

/**
 * The first of some keys takes what the others leave of their whole, when it stands out: its own evidence says how
 * often it is used at least, and every other key is known to be used less. Then its share is bounded on both sides;
 * how fast it is touched is not, since clients that pipeline touch a key many times at one moment.
 *
 * @param keys   fastest first
 * @param whole  what all of them take together
 * @param others what all but the first take together; by default the sum over `keys`
 */
export function settleFirst<T extends Share>(
  keys: readonly T[],
  whole: Estimate,
  others: Estimate = sumOf(keys.slice(1)),
): readonly T[] {
  const [first, ...rest] = keys;
  if (first === undefined) return keys;
  const standsOut = rest.every(
    ({ share, high }) => share !== undefined && (first.share === undefined || high < first.low),
  );
  if (!standsOut) return keys.map((key) => boundBy(whole.high, key));
  const low = clamp(Math.max(first.low, whole.low - others.high));
  const high = clamp(Math.max(low, whole.high - others.low));
  const share = Math.min(high, Math.max(low, whole.estimate - others.estimate));
  return [{ ...first, share, low, high }, ...rest];
}

function boundBy<T extends Share>(most: number, key: T): T {
  const high = Math.max(key.low, Math.min(key.high, most));
  return { ...key, high, ...(key.share !== undefined && { share: Math.min(key.share, high) }) };
}

function sumOf(keys: readonly Share[]): Estimate {
  const sum = { low: 0, estimate: 0, high: 0 };
  for (const { low, share, high } of keys) {
    sum.low += low;
    sum.estimate += share ?? low;
    sum.high += high;
  }
  return sum;
}

export function clamp(ratio: number): number {
  return Math.min(1, Math.max(0, ratio));
}

/** 0 of nothing. */
export function ratioOf(part: number, whole: number): number {
  return whole > 0 ? clamp(part / whole) : 0;
}
