import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poisson, seededRandom, weightedSampler, zipfSampler } from '../../../src/tour/random.ts';

const DRAWS = 200_000;

function histogram(draw: () => number, count: number): number[] {
  const counts = Array.from({ length: count }, () => 0);
  for (let i = 0; i < DRAWS; i++) {
    const drawn = draw();
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  return counts;
}

function assertProportional(counts: readonly number[], weights: readonly number[]): void {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, weight] of weights.entries()) {
    const expected = (DRAWS * weight) / total;
    const sigma = Math.sqrt(expected) + 1;
    assert.ok(Math.abs((counts[i] ?? 0) - expected) < 5 * sigma, `${i}: ${counts[i]} drawn, ${expected} expected`);
  }
}

function take(seed: number): number[] {
  return Array.from({ length: 5 }, seededRandom(seed));
}

test('the same seed gives the same numbers, another seed others', () => {
  assert.deepEqual(take(7), take(7));
  assert.notDeepEqual(take(7), take(8));
});

test('the numbers are even over [0, 1)', () => {
  const random = seededRandom(3);
  assertProportional(
    histogram(() => Math.floor(random() * 10), 10),
    Array.from({ length: 10 }, () => 1),
  );
});

test('weights are met exactly, zero and very uneven ones included', () => {
  const weights = [0, 1, 1_000, 3, 0.5, 0];
  const counts = histogram(weightedSampler(weights, seededRandom(1)), weights.length);
  assert.equal(counts[0], 0);
  assert.equal(counts[5], 0);
  assertProportional(counts, weights);
});

test('a sampler without any weight is refused', () => {
  assert.throws(() => weightedSampler([0, 0], seededRandom(1)), /at least one must be above zero/);
});

test('Zipf ranks fall off as 1/rank^s', () => {
  const counts = histogram(zipfSampler(100, 0.99, seededRandom(5)), 100);
  assertProportional(
    counts,
    Array.from({ length: 100 }, (_, i) => (i + 1) ** -0.99),
  );
});

for (const mean of [0.3, 8, 300]) {
  test(`Poisson numbers of mean ${mean} have that mean and that variance`, () => {
    const random = seededRandom(11);
    const drawn = Array.from({ length: 50_000 }, () => poisson(mean, random));
    const average = drawn.reduce((sum, n) => sum + n, 0) / drawn.length;
    const variance = drawn.reduce((sum, n) => sum + (n - average) ** 2, 0) / drawn.length;
    assert.ok(Math.abs(average / mean - 1) < 0.03, `mean ${average}`);
    assert.ok(Math.abs(variance / mean - 1) < 0.05, `variance ${variance}`);
  });
}
