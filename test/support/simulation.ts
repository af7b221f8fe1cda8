/** Seeded traffic for simulations: Poisson counts around given means, and the means of Zipf keys hashed on masters. */
import calculateSlot from 'cluster-key-slot';
import type { PeerGroup } from '../../src/detect/groups.ts';
import { scoreSignal } from '../../src/detect/signal.ts';
import { HotspotTracker } from '../../src/detect/tracker.ts';
import type { Sample, Signal } from '../../src/model.ts';
import { poisson, seededRandom } from '../../src/tour/random.ts';
import { CALLS, DEFAULTS, MASTERS, peerName } from './readings.ts';

/** Mean events a window for each peer; a new Poisson draw a tick. The floor is off: noise alone has to keep it calm. */
export class Traffic {
  readonly tracker = new HotspotTracker('simulated', DEFAULTS);
  readonly #random: () => number;
  #tick = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  tick(means: readonly number[], windowMs = 10_000): Signal {
    const samples = means.map(
      (mean, i): Sample => ({
        scope: 'masters',
        peer: peerName(i),
        resource: 'calls',
        value: poisson(mean, this.#random),
        windowMs,
      }),
    );
    const group: PeerGroup = { scope: MASTERS, resource: { ...CALLS, floor: 0 }, samples, absent: 0, warming: false };
    const signal = scoreSignal(group);
    this.tracker.update([signal], () => true, new Date(this.#tick));
    this.#tick += windowMs;
    return signal;
  }

  get states(): readonly string[] {
    return this.tracker.hotspots.map(({ state }) => state);
  }
}

/** The share of the load that each of `masters` with equal slot ranges has of keys `prefix0` … by Zipf. */
export function zipfShares(masters: number, prefix: string, keys = 100_000, exponent = 0.99): number[] {
  const loads = Array.from({ length: masters }, () => 0);
  let total = 0;
  for (let rank = 0; rank < keys; rank++) {
    const weight = (rank + 1) ** -exponent;
    const master = Math.floor((calculateSlot(`${prefix}${rank}`) * masters) / 16_384);
    loads[master] = (loads[master] ?? 0) + weight;
    total += weight;
  }
  return loads.map((load) => load / total);
}
