/** Rates from first touches after ticks, against simulated keys that are touched at random. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FirstTouch, rateOfTouches } from '../../../../collectors/redis/probe/touch-rate.ts';
import { seededRandom } from '../../../../src/tour/random.ts';

/** As touch.ts looks at few keys after a tick, in ms. */
const CLOSE_LOOKS_MS = [0, 0, 0, 1, 2, 4, 8, 16, 32, 64];
/** And at many. */
const ONE_LOOK_MS = [0];

/**
 * What is seen of a key after one tick, which comes at 0. Each question takes 0.2 to 0.8 ms and is answered somewhere
 * within; the tick fell somewhere between two questions, so `from` and `to` are counted from its latest and its
 * earliest possible moment.
 */
function firstTouch(rate: number, looksMs: readonly number[], random: () => number): FirstTouch {
  const touchedAt = -Math.log(1 - random()) / rate;
  const took = () => (0.2 + 0.6 * random()) / 1000;
  const between = took();
  const tickAfter = -random() * between;
  const tickBy = tickAfter + between;
  let from = 0;
  let now = tickBy;
  for (const lookMs of looksMs) {
    const began = Math.max(now, tickBy + lookMs / 1000);
    now = began + took();
    if (touchedAt <= began + (now - began) * random()) return { from, to: Math.max(from + 1e-6, now - tickAfter) };
    from = Math.max(from, began - tickBy);
  }
  return { from, to: Number.POSITIVE_INFINITY };
}

const RATES = [0.1, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 100_000];

test('the true rate is within the bounds in at least 99 %, from 0.1/s to 100,000/s and for 1 to 4 ticks', () => {
  const random = seededRandom(21);
  let [allHeld, all] = [0, 0];
  for (const looks of [CLOSE_LOOKS_MS, ONE_LOOK_MS]) {
    for (const ticks of [1, 2, 3, 4]) {
      for (const rate of RATES) {
        const runs = 600;
        let held = 0;
        for (let run = 0; run < runs; run++) {
          const seen = rateOfTouches(Array.from({ length: ticks }, () => firstTouch(rate, looks, random)));
          assert.ok(
            seen.low <= seen.high && (seen.rate === undefined || (seen.low <= seen.rate && seen.rate <= seen.high)),
          );
          if (seen.low <= rate && rate <= seen.high) held++;
        }
        allHeld += held;
        all += runs;
        // 99 % less what chance does to 600 runs.
        assert.ok(held / runs >= 0.98, `${ticks} ticks of ${looks.length} looks, ${rate}/s: ${held / runs}`);
      }
    }
  }
  assert.ok(allHeld / all >= 0.993, String(allHeld / all));
});

test('from three ticks on, 30/s to 1,000/s are told within a factor of 5 in 95 % of cases', () => {
  const random = seededRandom(23);
  for (const ticks of [3, 4]) {
    for (const rate of [30, 100, 300, 1000]) {
      const runs = 1000;
      let near = 0;
      let told = 0;
      for (let run = 0; run < runs; run++) {
        const seen = rateOfTouches(Array.from({ length: ticks }, () => firstTouch(rate, CLOSE_LOOKS_MS, random))).rate;
        if (seen === undefined) continue;
        told++;
        if (seen / rate < 5 && seen / rate > 0.2) near++;
      }
      assert.ok(told / runs > 0.7 && near / told >= 0.95, `${ticks} ticks, ${rate}/s: ${near} of ${told}`);
    }
  }
});

test('a key touched faster than we can look has no rate, and at least some hundreds a second', () => {
  const random = seededRandom(24);
  const fast = () => rateOfTouches(Array.from({ length: 4 }, () => firstTouch(1e6, CLOSE_LOOKS_MS, random)));
  for (let run = 0; run < 50; run++) {
    const { rate, low, high } = fast();
    assert.deepEqual([rate, high], [undefined, Number.POSITIVE_INFINITY]);
    assert.ok(low > 200, String(low));
  }
});

test('a key never seen touched has rate 0 and a high bound by how long it was watched', () => {
  const watched = (seconds: number) => rateOfTouches([{ from: seconds, to: Number.POSITIVE_INFINITY }]);
  assert.deepEqual([watched(1).rate, watched(1).low], [0, 0]);
  assert.ok(watched(1).high > watched(2).high && watched(2).high > 1);
  assert.deepEqual(watched(0), { rate: 0, low: 0, high: Number.POSITIVE_INFINITY });
});

test('more ticks narrow the bounds', () => {
  const tick = { from: 0.009, to: 0.011 };
  const widths = [1, 2, 4, 8].map((ticks) => {
    const { low, high } = rateOfTouches(Array.from({ length: ticks }, () => tick));
    return high / low;
  });
  for (const [at, width] of widths.entries()) assert.ok(at === 0 || width < (widths[at - 1] ?? 0), String(widths));
});
