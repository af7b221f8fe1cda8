import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProbeBudget } from '../../src/probe-budget.ts';

const LIMITS = { budgetMsPerHour: 100_000, repeatMs: 60_000 };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function probe(budget: ProbeBudget, id: string, now: number, more: { said?: string; explained?: boolean } = {}): void {
  budget.spend({ id, durationMs: 10_000, explained: true, ...more }, now);
}

/** How long after a probe at 0 the next one is due, to the second. */
function waitOf(budget: ProbeBudget, id: string, from: number): number {
  let waitMs = 0;
  while (!budget.isDue(id, from + waitMs)) waitMs += 1000;
  return waitMs;
}

test('repeats and surveys may use half of the budget; a first probe may use all of it', () => {
  const budget = new ProbeBudget(LIMITS);
  assert.ok(budget.isFirst('a'));
  probe(budget, 'a', 0);
  assert.ok(!budget.isFirst('a'));
  for (let i = 0; i < 4; i++) probe(budget, 'a', 0);
  assert.ok(budget.isAffordable(false, 0));
  budget.spend({ durationMs: 10_000, explained: true }, 0);
  assert.ok(!budget.isAffordable(false, 0), 'the survey used the last of the half');
  for (const id of ['b', 'c', 'd', 'e']) {
    assert.ok(budget.isAffordable(true, 0), `${id} finds some`);
    probe(budget, id, 0);
  }
  assert.ok(!budget.isAffordable(true, 0), 'all is spent');
  assert.ok(!budget.isAffordable(true, HOUR - 1));
  assert.ok(budget.isAffordable(true, HOUR));
  assert.ok(budget.isAffordable(false, HOUR));
});

test('the wait doubles up to eight times while the same is said of an open hotspot', () => {
  const budget = new ProbeBudget(LIMITS);
  const waits: number[] = [];
  for (let now = 0; waits.length < 6; now += HOUR) {
    probe(budget, 'a', now, { said: 'hot_read_key x' });
    waits.push(waitOf(budget, 'a', now) / MINUTE);
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 8, 8]);
  probe(budget, 'a', 0, { said: 'hot_read_key y' });
  assert.equal(waitOf(budget, 'a', 0), MINUTE, 'another key');
  probe(budget, 'a', 0);
  probe(budget, 'a', 0);
  assert.equal(waitOf(budget, 'a', 0), MINUTE, 'nothing is said of one that is only suspected');
  probe(budget, 'a', 0, { said: 'undetermined', explained: false });
  assert.equal(waitOf(budget, 'a', 0), 2000, 'soon again while it has no cause');
});

test('while nothing explains a hotspot its retries come ever more seldom, and soon again once something did', () => {
  const budget = new ProbeBudget(LIMITS);
  const waits: number[] = [];
  for (let now = 0; waits.length < 7; now += HOUR) {
    probe(budget, 'a', now, { explained: false });
    waits.push(waitOf(budget, 'a', now) / 1000);
  }
  assert.deepEqual(waits, [2, 4, 8, 16, 32, 64, 128]);
  budget.spend({ id: 'cheap', durationMs: 100, explained: false }, 0);
  for (let i = 0; i < 9; i++) budget.spend({ id: 'cheap', durationMs: 100, explained: false }, 0);
  assert.equal(waitOf(budget, 'cheap', 0), 8000, 'a probe of 0.1 s every 7.2 s takes half of 100 s an hour');
  probe(budget, 'a', 0, { said: 'hot_read_key x' });
  assert.equal(waitOf(budget, 'a', 0), MINUTE);
  probe(budget, 'a', 0, { explained: false });
  assert.equal(waitOf(budget, 'a', 0), 2000);
});

test('one that was refused is still to have its first probe, later', () => {
  const budget = new ProbeBudget(LIMITS);
  budget.defer('a', 0);
  assert.equal(waitOf(budget, 'a', 0), MINUTE);
  assert.ok(budget.isFirst('a'));
  budget.retain(new Set());
  assert.ok(budget.isDue('a', 0));
});

test('new limits count at once', () => {
  const budget = new ProbeBudget({ ...LIMITS, budgetMsPerHour: 0 });
  assert.ok(!budget.isAffordable(true, 0));
  budget.limits = { ...LIMITS, repeatMs: 5000 };
  assert.ok(budget.isAffordable(true, 0));
  probe(budget, 'a', 0);
  assert.equal(waitOf(budget, 'a', 0), 5000);
});
