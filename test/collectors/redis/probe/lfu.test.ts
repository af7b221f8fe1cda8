/** The arithmetic of the LFU counter against a simulation of the counter itself (Redis source, src/evict.c). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hitsToReach, rateBetween, SATURATED, steadyRate } from '../../../../collectors/redis/probe/lfu.ts';
import { seededRandom } from '../../../../src/tour/random.ts';

const DEFAULT = { logFactor: 10, decayTimeMinutes: 1 };

/** LFULogIncr */
function hit(counter: number, logFactor: number, random: () => number): number {
  if (counter >= 255) return 255;
  return random() < 1 / (Math.max(0, counter - 5) * logFactor + 1) ? counter + 1 : counter;
}

/**
 * The counter of a key that is hit at random `rate` times a second, at two looks: after `ageSeconds` and
 * `gapSeconds` later. Hits that move nothing are skipped: the wait for one that does is exponential. A key that is
 * read often loses one a minute, as LFUDecrAndReturn counts whole minutes of the clock.
 */
function twoLooks(rate: number, logFactor: number, ageSeconds: number, gapSeconds: number, random: () => number) {
  let counter = 5;
  let now = random() * 60;
  let nextMinute = 60;
  const looks: number[] = [];
  for (const until of [now + ageSeconds, now + ageSeconds + gapSeconds]) {
    for (;;) {
      const chance = counter >= 255 ? 0 : 1 / (Math.max(0, counter - 5) * logFactor + 1);
      const step = chance === 0 ? Number.POSITIVE_INFINITY : now - Math.log(1 - random()) / (rate * chance);
      now = Math.min(step, nextMinute, until);
      if (now === until) break;
      if (now === step) counter++;
      else {
        counter = Math.max(0, counter - 1);
        nextMinute += 60;
      }
    }
    looks.push(counter);
  }
  const [first = 0, second = 0] = looks;
  return { first, second };
}

test('hits to reach a counter: the published figures and the simulated mean', () => {
  assert.equal(hitsToReach(255, DEFAULT), 311_500);
  assert.deepEqual([hitsToReach(5, DEFAULT), hitsToReach(0, DEFAULT), hitsToReach(6, DEFAULT)], [0, 0, 1]);
  const random = seededRandom(5);
  for (const logFactor of [0, 1, 10, 100]) {
    const settings = { logFactor, decayTimeMinutes: 1 };
    let hits = 0;
    const runs = 600;
    for (let run = 0; run < runs; run++) {
      for (let counter = 5; counter < 15; hits++) counter = hit(counter, logFactor, random);
    }
    const expected = hitsToReach(15, settings);
    assert.ok(Math.abs(hits / runs / expected - 1) < 0.1, `f=${logFactor}: ${hits / runs} for ${expected}`);
  }
});

test('in the steady state the counter stands where steadyRate says', () => {
  assert.ok(Math.abs(steadyRate(255, DEFAULT) - 41.7) < 0.1);
  const random = seededRandom(6);
  for (const [rate, logFactor] of [
    [0.5, 10],
    [1, 10],
    [3, 10],
    [3, 100],
    [0.2, 1],
  ] as const) {
    let sum = 0;
    const runs = 200;
    for (let run = 0; run < runs; run++) sum += twoLooks(rate, logFactor, 40_000, 2, random).second;
    const told = steadyRate(sum / runs, { logFactor, decayTimeMinutes: 1 });
    assert.ok(told / rate > 0.75 && told / rate < 1.33, `f=${logFactor}: ${told}/s for ${rate}/s`);
  }
});

test('a counter that does not decay says nothing of the present', () => {
  for (const decayTimeMinutes of [0, 2, 60]) assert.equal(steadyRate(200, { logFactor: 10, decayTimeMinutes }), 0);
});

test('two looks: the true rate is within the bounds in at least 97 %, from 1/s to 50,000/s and for young and old keys', () => {
  const random = seededRandom(7);
  for (const logFactor of [1, 10, 100]) {
    for (const rate of [1, 3, 10, 30, 41, 60, 100, 300, 1000, 5000, 50_000]) {
      const runs = 500;
      let held = 0;
      for (let run = 0; run < runs; run++) {
        const { first, second } = twoLooks(rate, logFactor, [5, 60, 600, 3600, 10_000][run % 5] ?? 5, 2, random);
        const bounds = rateBetween(first, second, 2000, { logFactor, decayTimeMinutes: 1 });
        assert.ok(bounds.low <= bounds.high && (bounds.rate === undefined || bounds.rate <= bounds.high));
        assert.ok(bounds.rate === undefined || bounds.rate >= bounds.low);
        if (bounds.low <= rate && rate <= bounds.high) held++;
      }
      assert.ok(held / runs >= 0.97, `f=${logFactor}, ${rate}/s: ${held / runs}`);
    }
  }
});

test('where the counter moves at all, the estimate is within a factor of 2.5 in nine of ten', () => {
  const random = seededRandom(8);
  for (const [rate, age] of [
    [1000, 5],
    [5000, 5],
    [50_000, 2],
    [300, 2],
  ] as const) {
    const runs = 400;
    let near = 0;
    let moved = 0;
    for (let run = 0; run < runs; run++) {
      const { first, second } = twoLooks(rate, 10, age, 2, random);
      const told = rateBetween(first, second, 2000, DEFAULT).rate;
      if (second - first < 2 || told === undefined) continue;
      moved++;
      if (told / rate < 2.5 && told / rate > 0.4) near++;
    }
    assert.ok(moved > runs / 2 && near / moved >= 0.9, `${rate}/s: ${near} of ${moved}`);
  }
});

test('saturation is said: no rate and open bounds, also for a key that has just stopped', () => {
  const random = seededRandom(9);
  for (const rate of [1000, 50_000, 500_000]) {
    const { first, second } = twoLooks(rate, 10, 10_000, 2, random);
    const bounds = rateBetween(first, second, 2000, DEFAULT);
    if (Math.max(first, second) >= SATURATED) assert.deepEqual(bounds, { low: 0, high: Number.POSITIVE_INFINITY });
    if (rate >= 50_000) assert.ok(second >= SATURATED - 1 && bounds.rate === undefined, `${rate}/s: ${second}`);
  }
  for (const [first, second] of [
    [255, 255],
    [255, 254],
    [200, 255],
    [255, 0],
  ] as const) {
    assert.deepEqual(rateBetween(first, second, 2000, DEFAULT), { low: 0, high: Number.POSITIVE_INFINITY });
  }
});

test('any two counters and settings give finite numbers, or say that they know nothing', () => {
  for (let first = 0; first < 255; first += 6) {
    for (let second = 0; second < 255; second += 6) {
      for (const logFactor of [0, 1, 10, 1000]) {
        for (const decayTimeMinutes of [0, 1, 2]) {
          const { rate, low, high } = rateBetween(first, second, 2000, { logFactor, decayTimeMinutes });
          assert.ok(rate !== undefined && Number.isFinite(rate) && rate > 0, `${first} → ${second}`);
          assert.ok(low >= 0 && low <= rate && rate <= high && Number.isFinite(high));
        }
      }
    }
  }
  for (const elapsedMs of [0, -5, Number.NaN]) {
    assert.deepEqual(rateBetween(10, 12, elapsedMs, DEFAULT), { low: 0, high: Number.POSITIVE_INFINITY });
  }
});
