/** Bounds hold: in simulated samples, and as laws. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { binomialBounds, clamp, ratioOf, settleFirst } from '../../../../collectors/redis/probe/bounds.ts';
import { seededRandom } from '../../../../src/tour/random.ts';

function binomial(trials: number, p: number, random: () => number): number {
  let hits = 0;
  for (let i = 0; i < trials; i++) if (random() < p) hits++;
  return hits;
}

test('the true share is within the bounds in at least 99 % of samples', () => {
  const random = seededRandom(1);
  for (const trials of [1, 5, 20, 100, 1000]) {
    for (const p of [0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.99]) {
      const runs = 2000;
      let held = 0;
      for (let run = 0; run < runs; run++) {
        const { low, high } = binomialBounds(binomial(trials, p, random), trials);
        if (low <= p && p <= high) held++;
      }
      assert.ok(held / runs >= 0.99, `${held / runs} of samples of ${trials} at ${p}`);
    }
  }
});

test('the bounds narrow as the sample grows, and say nothing of no sample', () => {
  let width = 1;
  for (const trials of [10, 100, 1000, 10_000]) {
    const { low, high } = binomialBounds(trials / 4, trials);
    assert.ok(high - low < width * 0.8, `${high - low} after ${width}`);
    width = high - low;
  }
  for (const trials of [0, -1]) assert.deepEqual(binomialBounds(0, trials), { low: 0, high: 1 });
  assert.deepEqual([binomialBounds(0, 10).low, binomialBounds(10, 10).high], [0, 1]);
});

test('binomial bounds: low ≤ share ≤ high, within [0, 1]', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 2, noNaN: true }),
      fc.double({ min: 0, max: 1e12, noNaN: true }),
      (p, trials) => {
        const { low, high } = binomialBounds(p * trials, trials);
        const share = Math.min(1, p);
        assert.ok(0 <= low && low <= high && high <= 1);
        if (trials > 0) assert.ok(low <= share + 1e-9 && share <= high + 1e-9);
      },
    ),
    { seed: 1, numRuns: 5000 },
  );
});

test('ratios stay within [0, 1]', () => {
  assert.deepEqual([clamp(-1), clamp(0.5), clamp(7)], [0, 0.5, 1]);
  assert.deepEqual([ratioOf(1, 4), ratioOf(5, 4), ratioOf(1, 0), ratioOf(-1, 4)], [0.25, 1, 0, 0]);
});

/** True shares, and evidence whose bounds hold them; some have no estimate. Fastest first, as it is handed over. */
const evidence = fc
  .array(
    fc.record({
      weight: fc.double({ min: 0.001, max: 1, noNaN: true }),
      below: fc.double({ min: 0, max: 1, noNaN: true }),
      above: fc.double({ min: 0, max: 1, noNaN: true }),
      hidden: fc.boolean(),
    }),
    { maxLength: 6 },
  )
  .chain((parts) => fc.record({ parts: fc.constant(parts), whole: fc.double({ min: 0.01, max: 1, noNaN: true }) }))
  .map(({ parts, whole }) => {
    let sum = 0;
    for (const { weight } of parts) sum += weight;
    const keys = parts.map(({ weight, below, above, hidden }) => {
      const truth = (weight / sum) * whole;
      const [low, high] = [truth * (1 - below), truth + (1 - truth) * above];
      return { truth, low, high, ...(!hidden && { share: (low + high) / 2 }) };
    });
    return { keys: keys.sort((a, b) => (b.share ?? 2) - (a.share ?? 2)), whole };
  });

test('settleFirst: low ≤ share ≤ high within [0, 1], and true shares that make up the whole stay inside', () => {
  const spread = fc.double({ min: 0, max: 0.5, noNaN: true });
  fc.assert(
    fc.property(evidence, spread, ({ keys, whole }, uncertain) => {
      const bounds = { low: whole * (1 - uncertain), estimate: whole, high: Math.min(1, whole * (1 + uncertain)) };
      const settled = settleFirst(keys, bounds);
      assert.equal(settled.length, keys.length);
      for (const { low, high, share, truth } of settled) {
        assert.ok(0 <= low && low <= high + 1e-12 && high <= 1, `${low} … ${high}`);
        assert.ok(low <= truth + 1e-9 && truth <= high + 1e-9, `${truth} is outside ${low} … ${high}`);
        if (share !== undefined) assert.ok(low - 1e-9 <= share && share <= high + 1e-9, `${share} in ${low} … ${high}`);
      }
    }),
    { seed: 2, numRuns: 5000 },
  );
});

test('settleFirst: a key out of sight that stands out takes what the others leave', () => {
  const [first, second] = settleFirst(
    [
      { key: 'hot', low: 0.2, high: 1 },
      { key: 'warm', share: 0.05, low: 0.04, high: 0.06 },
    ],
    { low: 0.6, estimate: 0.65, high: 0.7 },
  );
  assert.ok(first !== undefined && Math.abs((first.share ?? 0) - 0.6) < 1e-9);
  assert.ok(Math.abs(first.low - 0.54) < 1e-9 && Math.abs(first.high - 0.66) < 1e-9);
  assert.deepEqual(second, { key: 'warm', share: 0.05, low: 0.04, high: 0.06 });
  assert.deepEqual(settleFirst([], { low: 0, estimate: 0, high: 1 }), []);
});

test('settleFirst: of two keys out of sight neither is settled', () => {
  const settled = settleFirst(
    [
      { key: 'a', low: 0.1, high: 1 },
      { key: 'b', low: 0.1, high: 1 },
    ],
    { low: 0.6, estimate: 0.65, high: 0.7 },
  );
  assert.deepEqual(
    settled.map(({ low, high }) => [low, high]),
    [
      [0.1, 0.7],
      [0.1, 0.7],
    ],
  );
});
