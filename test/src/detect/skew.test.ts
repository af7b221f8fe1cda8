/** The laws of the skew score, by properties. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noiseDeviations, noiseRatio, skewOf, skewOfLoads } from '../../../src/detect/skew.ts';

const load = fc.double({ min: 0, max: 1e9, noNaN: true });
const loads = fc.array(load, { minLength: 2, maxLength: 200 }).filter((all) => all.some((one) => one > 1e-3));

function same(count: number, load: number): number[] {
  return Array.from({ length: count }, () => load);
}

function assertClose(actual: number, expected: number, tolerance = 1e-9): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
}

test('the score is within [0, 1]', () => {
  fc.assert(
    fc.property(loads, (all) => {
      const skew = skewOfLoads(all);
      assert.ok(skew >= 0 && skew <= 1, String(skew));
    }),
  );
});

test('the score does not change with the scale of the loads', () => {
  fc.assert(
    fc.property(loads, fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (all, factor) => {
      assertClose(skewOfLoads(all.map((one) => one * factor)), skewOfLoads(all));
    }),
  );
});

test('the score does not change with the order of the peers', () => {
  const shuffled = loads.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  );
  fc.assert(
    fc.property(shuffled, ([all, other]) => {
      assertClose(skewOfLoads(other), skewOfLoads(all));
    }),
  );
});

test('the score grows with the load of the hottest peer', () => {
  fc.assert(
    fc.property(loads, fc.double({ min: 0, max: 1e9, noNaN: true }), (all, more) => {
      const hottest = Math.max(...all);
      const at = all.indexOf(hottest);
      const hotter = all.map((one, i) => (i === at ? one + more : one));
      assert.ok(skewOfLoads(hotter) >= skewOfLoads(all) - 1e-12);
    }),
  );
});

test('the score is what the hottest peer has more than the mean of the others, over its load', () => {
  fc.assert(
    fc.property(loads, (all) => {
      const hottest = Math.max(...all);
      const others = (all.reduce((sum, one) => sum + one, 0) - hottest) / (all.length - 1);
      assertClose(skewOfLoads(all), (hottest - others) / hottest);
    }),
  );
});

test('equal loads score 0, one loaded peer scores 1, no load and no company score 0', () => {
  for (const peers of [2, 3, 6, 16, 100, 16_384]) {
    assertClose(skewOfLoads(same(peers, 7.3)), 0);
    assert.equal(skewOfLoads([5, ...same(peers - 1, 0)]), 1);
  }
  assert.equal(skewOfLoads([0, 0, 0]), 0);
  assert.equal(skewOfLoads([9]), 0);
  assert.equal(skewOfLoads([]), 0);
});

test('at twice the mean the score comes down to 0.5 as peers are added, at 4 and 10 times to 0.75 and 0.9', () => {
  for (const [timesFair, limit] of [
    [2, 0.5],
    [4, 0.75],
    [10, 0.9],
  ] as const) {
    const scores = [12, 16, 100, 1000, 16_384].map((peers) => skewOf(timesFair, peers));
    scores.slice(1).forEach((score, i) => {
      assert.ok(score < (scores[i] ?? 0), `${timesFair} times the mean: ${scores.join(' ')}`);
    });
    assertClose(scores.at(-1) ?? 0, limit, 1e-4);
    assertClose(skewOf(timesFair, 100), limit, 0.01);
  }
});

test('at twice the mean of the others the score is 0.5 exactly, whatever the number of peers', () => {
  for (const peers of [2, 3, 6, 16, 100]) assertClose(skewOfLoads([20, ...same(peers - 1, 10)]), 0.5);
});

test('the noise bound is a part of the count that shrinks with its square root', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 2, max: 16_384 }), (events, peers) => {
      const ratio = noiseRatio(events, peers);
      assert.ok(ratio > 0 && ratio <= 1);
      assert.ok(noiseRatio(events + 1, peers) <= ratio);
      if (ratio < 1) assertClose(ratio * Math.sqrt(events), noiseDeviations(peers), 1e-6);
    }),
  );
  assert.equal(noiseRatio(0, 3), 1);
  assertClose(noiseDeviations(3), Math.sqrt(2 * Math.log(3)) + 2);
});
