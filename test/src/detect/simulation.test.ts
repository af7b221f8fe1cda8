/** Simulated traffic from fixed seeds: chance alone never opens a hotspot, a true one always does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skewOfLoads } from '../../../src/detect/skew.ts';
import { DEFAULTS } from '../../support/readings.ts';
import { Traffic, zipfShares } from '../../support/simulation.ts';

const FLEETS = [2, 3, 6, 16, 100] as const;

function balanced(peers: number, mean: number): number[] {
  return Array.from({ length: peers }, () => mean);
}

/** One peer with `hot` events a window, at `times` the mean load of the others. */
function oneHot(peers: number, hot: number, times: number): number[] {
  return [hot, ...balanced(peers - 1, hot / times)];
}

/** How many times the others' mean a peer carries that carries twice the mean of all; `Infinity` for two peers. */
function twiceTheMean(peers: number): number {
  return (2 * (peers - 1)) / (peers - 2);
}

/** The tick at which it opened, or undefined. */
function opensAt(traffic: Traffic, means: readonly number[], ticks: number): number | undefined {
  for (let tick = 1; tick <= ticks; tick++) {
    traffic.tick(means);
    if (traffic.states.includes('open')) return tick;
  }
  return undefined;
}

for (const peers of FLEETS) {
  for (const mean of [5, 50, 500, 5000]) {
    test(`a balanced load of ${mean} events a window on ${peers} peers raises no suspicion in 10,000 ticks`, () => {
      const traffic = new Traffic(peers * 1e5 + mean);
      let scoredTicks = 0;
      let aboveZero = 0;
      for (let tick = 0; tick < 10_000; tick++) {
        const { skew } = traffic.tick(balanced(peers, mean));
        if (skew !== undefined) scoredTicks++;
        if (skew !== undefined && skew > 0) aboveZero++;
        if (traffic.states.length > 0) assert.fail(`${traffic.states.join()} at tick ${tick}`);
      }
      assert.ok(mean < 500 || scoredTicks === 10_000, `only ${scoredTicks} ticks had a score`);
      // The bound is of about 1 in 1,000; what slips through is far below every threshold.
      assert.ok(aboveZero <= 100, `${aboveZero} ticks above 0`);
    });
  }
}

for (const peers of FLEETS) {
  for (const hot of [3000, 10_000, 100_000]) {
    test(`a peer of ${peers} at twice the mean, ${hot} events a window, opens within ${DEFAULTS.openAfterTicks} + 8 ticks`, () => {
      const limit = DEFAULTS.openAfterTicks + 8;
      for (let seed = 0; seed < 100; seed++) {
        const at = opensAt(new Traffic(seed), oneHot(peers, hot, twiceTheMean(peers)), limit);
        assert.ok(at !== undefined && at >= DEFAULTS.openAfterTicks, `seed ${seed}: ${at}`);
      }
    });
  }
  test(`a peer of ${peers} at twice the others scores 0.5 less its noise, and opens from 20,000 events a window`, () => {
    const limit = DEFAULTS.openAfterTicks + 8;
    for (let seed = 0; seed < 100; seed++) {
      assert.notEqual(opensAt(new Traffic(seed), oneHot(peers, 20_000, 2), limit), undefined, `seed ${seed}`);
    }
  });
  test(`with fewer events a peer of ${peers} at twice the others is undecided or scored too low, never too high`, () => {
    let before = 0;
    for (const hot of [20, 200, 600, 2000, 6000, 20_000]) {
      const traffic = new Traffic(hot);
      const scores: number[] = [];
      for (let tick = 0; tick < 300; tick++) {
        const signal = traffic.tick(oneHot(peers, hot, 2));
        if (signal.skew === undefined) assert.equal(signal.undecided, 'too_few_events');
        else scores.push(signal.skew);
      }
      if (hot === 20) assert.ok(scores.length <= 3, `${scores.length} of 300 ticks with 20 events had a score`);
      if (hot >= 600) assert.equal(scores.length, 300);
      if (scores.length < 300) continue;
      const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
      assert.ok(mean > before && mean < 0.5, `${hot} events: ${mean} after ${before}`);
      before = mean;
    }
    assert.ok(before > DEFAULTS.openSkew);
  });
}

const PREFIXES = ['key:', 'product:', 'user:', 'session:', 'item:', 'post:', 'order-', 'cart:', 'a:', 'b:'];

for (const masters of [3, 6]) {
  test(`Zipf keys (s = 0.99, 100,000 keys) on ${masters} masters open nothing`, () => {
    for (const [seed, prefix] of PREFIXES.entries()) {
      const shares = zipfShares(masters, prefix);
      assert.ok(skewOfLoads(shares) < DEFAULTS.openSkew, `${prefix}: ${skewOfLoads(shares)}`);
      const traffic = new Traffic(seed);
      for (let tick = 0; tick < 500; tick++) {
        // Long and short windows in turn, as around a confirming interval.
        const [events, windowMs] = tick % 4 === 0 ? [200_000, 10_000] : [20_000, 1000];
        traffic.tick(
          shares.map((share) => share * events),
          windowMs,
        );
        assert.deepEqual(traffic.states, [], `${prefix} at tick ${tick}`);
      }
    }
  });
}

test('on 12 masters the first key of such a Zipf load is nearly a whole fair share, and its master is truly hot', () => {
  const total = Array.from({ length: 100_000 }, (_, rank) => (rank + 1) ** -0.99).reduce((sum, weight) => sum + weight);
  assert.ok(12 / total > 0.9 && 12 / total < 1);
  const skews = PREFIXES.map((prefix) => skewOfLoads(zipfShares(12, prefix)));
  assert.ok(
    skews.every((skew) => skew > 0.4 && skew < 0.6),
    skews.join(' '),
  );
});
