/** Scores a peer group: each peer's skew and pressure, or the reason why there is no score. */
import type { PeerLoad, Sample, Signal, UndecidedReason } from '../model.ts';
import type { PeerGroup } from './groups.ts';
import { noiseDeviations, noiseRatio, skewOf } from './skew.ts';

export function scoreSignal(group: PeerGroup): Signal {
  const { scope, resource, samples } = group;
  const isCount = resource.kind === 'count';
  // Rates and not counts: a peer that missed a poll comes with a window twice as long, which is no load.
  const rates = samples.map((sample) => perSecond(sample, isCount));
  const total = sum(rates);
  const parts = sum(samples.map((sample) => sample.parts ?? 0));
  const events = isCount ? sum(samples.map(eventsOf)) : 0;
  const undecided = whyUndecided(group, rates, total, events);
  const scored = undecided === undefined;

  const peers = samples.map((sample, index): PeerLoad => {
    const value = rates[index] ?? 0;
    const timesFair = total > 0 ? (value * samples.length) / total : 0;
    const sure = isCount ? 1 - noiseRatio(eventsOf(sample), samples.length) : 1;
    const aboveFloor = isAboveFloor(value, timesFair, resource.floor);
    const own = sample.parts ?? 0;
    const timesFairPart = own > 0 && total > 0 ? (value / total) * (parts / own) : undefined;
    return {
      peer: sample.peer,
      value,
      share: total > 0 ? value / total : 0,
      timesFair,
      ...(scored && { skew: aboveFloor ? skewOf(timesFair * sure, samples.length) : 0 }),
      ...(scored && timesFairPart !== undefined && { skewPerPart: skewOf(timesFairPart * sure, samples.length) }),
      ...(sample.limit !== undefined && { pressure: value / sample.limit }),
      ...(sample.parts !== undefined && { parts: sample.parts }),
      ...(sample.owner !== undefined && { owner: sample.owner }),
    };
  });
  peers.sort((a, b) => b.value - a.value || compareNames(a.peer, b.peer));

  const skewPerPart = highest(peers.map((peer) => peer.skewPerPart));
  const pressure = highest(peers.map((peer) => peer.pressure));
  const hottest = samples.find((sample) => sample.peer === peers[0]?.peer);
  return {
    scope,
    resource,
    peers,
    absent: group.absent,
    ...(scored ? { skew: highest(peers.map((peer) => peer.skew)) ?? 0 } : { undecided }),
    ...(skewPerPart !== undefined && { skewPerPart }),
    ...(pressure !== undefined && { pressure }),
    ...(isCount && { events }),
    ...(isCount &&
      hottest !== undefined &&
      samples.length > 1 && { noise: noiseRatio(eventsOf(hottest), samples.length) * eventsOf(hottest) }),
  };
}

/** Whether a peer is further above its fair load than the floor of the resource; units of `value`. */
export function isAboveFloor(value: number, timesFair: number, floor: number): boolean {
  return value - value / (timesFair || 1) >= floor;
}

function whyUndecided(
  group: PeerGroup,
  rates: readonly number[],
  total: number,
  events: number,
): UndecidedReason | undefined {
  const { resource, samples, absent } = group;
  if (absent > samples.length || (samples.length < 2 && absent > 0)) return group.warming ? 'warming' : 'incomplete';
  if (samples.length < 2) return 'too_few_peers';
  if (total <= 0 || (highest(rates) ?? 0) < resource.floor) return 'idle';
  if (resource.kind !== 'count') return undefined;
  // Where a peer at twice the load of the others, r = 2N/(N+1) times the mean μ, could not be told from chance,
  // "balanced" cannot be said either: rμ − z√(rμ) ≤ μ.
  const r = (2 * samples.length) / (samples.length + 1);
  const undetectable = events / samples.length <= r * (noiseDeviations(samples.length) / (r - 1)) ** 2;
  return undetectable && !visiblySkewed(samples, rates, total) ? 'too_few_events' : undefined;
}

function visiblySkewed(samples: readonly Sample[], rates: readonly number[], total: number): boolean {
  return samples.some((sample, index) => {
    const sure = 1 - noiseRatio(eventsOf(sample), samples.length);
    return (((rates[index] ?? 0) * samples.length) / total) * sure > 1;
  });
}

function perSecond(sample: Sample, isCount: boolean): number {
  return isCount ? (sample.value * 1000) / sample.windowMs : sample.value;
}

function eventsOf(sample: Sample): number {
  return sample.events ?? sample.value;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** The highest of the numbers that are there; a loop, since spreading 16,384 slots into Math.max is slow. */
function highest(values: readonly (number | undefined)[]): number | undefined {
  let found: number | undefined;
  for (const value of values) {
    if (value !== undefined && (found === undefined || value > found)) found = value;
  }
  return found;
}

function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
