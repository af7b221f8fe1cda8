/**
 * The skew score: how much of a group's capacity its hottest peer strands.
 *
 *     r = load / (fair share × total)        skew = (1 − 1/r) · N/(N−1), 0 when r ≤ 1
 *
 * The imbalance percentage of DeRose, Homer and Johnson (Euro-Par 2007). 0 is balanced, 0.5 is twice the mean,
 * 0.9 ten times, nearly whatever N is: unlike Gini, CV or a z-score it does not dilute one hot peer as N grows.
 */

/**
 * @param timesFair the peer's load over its fair load, ≥ 0
 * @param peers     N ≥ 2
 * @returns 0..1
 */
export function skewOf(timesFair: number, peers: number): number {
  if (timesFair <= 1) return 0;
  return Math.min(1, (1 - 1 / timesFair) * (peers / (peers - 1)));
}

/** The score of the hottest of `loads` against equal shares; 0 for fewer than two peers or no load. */
export function skewOfLoads(loads: readonly number[]): number {
  let total = 0;
  let highest = 0;
  for (const load of loads) {
    total += load;
    if (load > highest) highest = load;
  }
  if (loads.length < 2 || total === 0) return 0;
  return skewOf((highest * loads.length) / total, loads.length);
}

/**
 * How many standard deviations of chance are taken off the hottest count: the expected maximum of N
 * standard normals, √(2 ln N), and 2 more. With it a balanced Poisson load never scored above 0 in simulation
 * (N 3..1000, mean 1..100).
 */
export function noiseDeviations(peers: number): number {
  return Math.sqrt(2 * Math.log(peers)) + 2;
}

/**
 * The part of a count that chance alone could have added, as a ratio of the count: z/√events.
 * @returns 0..1; 1 when the count is too small to say anything
 */
export function noiseRatio(events: number, peers: number): number {
  if (events <= 0) return 1;
  return Math.min(1, noiseDeviations(peers) / Math.sqrt(events));
}
