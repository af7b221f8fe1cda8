/** When the agent looks again at the confirming interval, and when it stops: looking costs the watched system. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poisson, seededRandom } from '../../../src/tour/random.ts';
import { Ticks } from '../../support/agent.ts';
import { absenceOf, type NodeLoad, readingOf } from '../../support/readings.ts';

function skewed(skew: number): Record<string, NodeLoad> {
  return { a: { calls: 5000 / (1 - skew) }, b: { calls: 5000 }, c: { calls: 5000 } };
}
const calm = readingOf(skewed(0));
const hot = readingOf(skewed(0.7));

function attention(agent: Ticks): [confirming: boolean, attentive: boolean] {
  return [agent.tracker.confirming, agent.tracker.attentive];
}

test('a suspicion is confirmed at once; an open hotspot keeps attention, not the short interval', () => {
  const agent = new Ticks();
  agent.tick(calm);
  assert.deepEqual(attention(agent), [false, false]);
  agent.tick(hot);
  assert.deepEqual(attention(agent), [true, true]);
  agent.ticks(6, hot);
  assert.deepEqual(attention(agent), [false, true]);
  agent.ticks(3, calm);
  assert.equal(agent.state('a'), 'resolved');
  assert.deepEqual(attention(agent), [false, false]);
});

test('a rise below the opening threshold is followed up a few times, then accepted as how the fleet is', () => {
  const agent = new Ticks();
  agent.ticks(3, calm);
  const seen: boolean[] = [];
  for (let i = 0; i < 12; i++) {
    agent.tick(readingOf(skewed(0.35)));
    seen.push(agent.tracker.confirming);
  }
  assert.equal(seen[0], true);
  assert.equal(seen.filter((confirming) => confirming).length, 3);
  assert.deepEqual(attention(agent), [false, false]);
});

/** Polls as the agent's loop does, at 1 s while confirming and at 10 s otherwise; the part of the time at 1 s. */
function confirmingRatio(rates: (poll: number) => readonly number[], minutes: number, seed: number): number {
  const agent = new Ticks();
  const random = seededRandom(seed);
  let passedMs = 0;
  let confirmingMs = 0;
  for (let poll = 0; passedMs < minutes * 60_000; poll++) {
    const windowMs = agent.tracker.confirming ? 1000 : 10_000;
    const nodes = rates(poll).map(
      (rate, i) => [`n${i}`, { calls: poisson((rate * windowMs) / 1000, random) / (windowMs / 1000) }] as const,
    );
    agent.tick(readingOf(Object.fromEntries(nodes), { windowMs }), windowMs);
    passedMs += windowMs;
    if (windowMs === 1000) confirmingMs += windowMs;
  }
  return confirmingMs / passedMs;
}

test('natural skew is not polled at the confirming interval for ever, though short windows score lower than long ones', () => {
  for (const fleet of [
    [260, 100],
    [400, 240],
    [500, 250, 250],
    [620, 350, 350],
    [900, 500, 500, 500, 500, 500],
  ]) {
    for (const seed of [1, 2, 3]) {
      const ratio = confirmingRatio(() => fleet, 120, seed);
      assert.ok(ratio < 0.1, `${fleet.join(' ')}: ${ratio}`);
    }
  }
});

test('a load that comes and goes is confirmed when it comes, and only then', () => {
  const ratio = confirmingRatio((poll) => (Math.floor(poll / 60) % 2 === 0 ? [900, 600] : [600, 600]), 240, 1);
  assert.ok(ratio > 0 && ratio < 0.05, String(ratio));
});

test('a suspicion that nothing adds to keeps attention, not the short interval', () => {
  const lone = new Ticks();
  lone.tick(readingOf({ a: { calls: 50_000, cpu: 0.95 } }));
  assert.deepEqual(attention(lone), [true, true]);
  lone.ticks(5, readingOf({ a: { calls: 50_000, cpu: 0.95 } }));
  assert.deepEqual(attention(lone), [false, true]);

  const silent = new Ticks();
  silent.tick(hot);
  silent.ticks(5, readingOf({ b: { calls: 5000 }, c: { calls: 5000 } }, { absences: [absenceOf('a')] }));
  assert.equal(silent.state('a'), 'suspected');
  assert.deepEqual(attention(silent), [false, true]);
});

test('a peer that returns, or a group that was undecided for a tick, is no rise', () => {
  const natural = readingOf(skewed(0.35));
  const agent = new Ticks();
  agent.ticks(5, natural);
  agent.tick(readingOf({}, { absences: ['a', 'b', 'c'].map((peer) => absenceOf(peer, 'timeout', 'no answer')) }));
  agent.tick(natural);
  assert.deepEqual(attention(agent), [false, false]);
  agent.tick(readingOf({ a: { calls: 9000 } }, { absences: [absenceOf('b'), absenceOf('c')] }));
  agent.tick(natural);
  assert.deepEqual(attention(agent), [false, false]);
});
