/**
 * A key's rate of access from its idle time, although that is told in whole seconds.
 *
 * A server notes accesses by a clock that ticks once a second (`lru_clock`, src/evict.c). Right after a tick a key
 * has idle time 0 only if it was touched since that tick: how soon it returns to 0 is an exponential waiting time
 * with the key's rate. A few ticks give a likelihood of the rate; its maximum is the estimate, and the rates that
 * are not much less likely are the bounds. It assumes that accesses come independently of each other.
 */

/** From the tick to the first touch, in seconds: it was after `from` and not after `to` (Infinity: not seen touched). */
export interface FirstTouch {
  readonly from: number;
  readonly to: number;
}

export interface TouchRate {
  /** Per second; missing where touches came faster than we can look, so that only a least rate is known. */
  readonly rate?: number;
  readonly low: number;
  readonly high: number;
}

/** Rates that are tried: 0.02/s to 2 M/s in steps of 5 %. */
const LEAST_RATE = 0.02;
const STEP = 1.05;
const STEPS = 378;
/** Half the 99.7 % quantile of χ² with one degree of freedom (Wilks): what a true rate stays within. */
const LIKELIHOOD_DROP = 4.4;

export function rateOfTouches(touches: readonly FirstTouch[]): TouchRate {
  if (touches.every(({ to }) => to === Number.POSITIVE_INFINITY)) return rateOfUntouched(touches);
  const likelihoods: number[] = [];
  let best = 0;
  for (let step = 0; step < STEPS; step++) {
    const value = logLikelihood(rateAt(step), touches);
    likelihoods.push(value);
    if (value > (likelihoods[best] ?? Number.NEGATIVE_INFINITY)) best = step;
  }
  const enough = (likelihoods[best] ?? 0) - LIKELIHOOD_DROP;
  const first = likelihoods.findIndex((value) => value >= enough);
  const last = likelihoods.findLastIndex((value) => value >= enough);
  const unbounded = last === STEPS - 1;
  return {
    ...(!unbounded && { rate: rateAt(best) }),
    low: first <= 0 ? 0 : rateAt(first),
    high: unbounded ? Number.POSITIVE_INFINITY : rateAt(last),
  };
}

/** Never seen touched: e^(−λ·t) alone, without a search, since nearly all keys of a server are such. */
function rateOfUntouched(touches: readonly FirstTouch[]): TouchRate {
  let seconds = 0;
  for (const { from } of touches) seconds += from;
  return { rate: 0, low: 0, high: seconds > 0 ? LIKELIHOOD_DROP / seconds : Number.POSITIVE_INFINITY };
}

function rateAt(step: number): number {
  return LEAST_RATE * STEP ** step;
}

/** P(from < first touch ≤ to) = e^(−λ·from) − e^(−λ·to) */
function logLikelihood(rate: number, touches: readonly FirstTouch[]): number {
  let sum = 0;
  for (const { from, to } of touches) {
    sum -= rate * from;
    if (to !== Number.POSITIVE_INFINITY) sum += Math.log(Math.max(1e-300, -Math.expm1(-rate * (to - from))));
  }
  return sum;
}
