import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_TOTALS, timeOnly, withPoll, withProbe } from '../../src/totals.ts';

const COST = { durationMs: 5, commands: 3, bytesSent: 10, bytesReceived: 100 };

test('what a poll and a probe cost is summed apart', () => {
  const totals = withProbe(withPoll(withPoll(NO_TOTALS, 'ok', COST, 2), 'failed', timeOnly(7), 0), 'ok', COST);
  assert.deepEqual(totals.polls, { ok: 1, partial: 0, failed: 1 });
  assert.equal(totals.pollsSkipped, 2);
  assert.deepEqual(totals.poll, { ...COST, durationMs: 12 });
  assert.deepEqual(totals.probe, COST);
});

test("the server's CPU time is unknown until something told it, and stays known", () => {
  const before = withPoll(NO_TOTALS, 'ok', COST, 0);
  assert.ok(!('serverCpuSeconds' in before.poll));
  const told = withPoll(before, 'ok', { ...COST, serverCpuSeconds: 0.5 }, 0);
  assert.equal(told.poll.serverCpuSeconds, 0.5);
  assert.equal(withPoll(told, 'failed', timeOnly(1), 0).poll.serverCpuSeconds, 0.5);
  assert.equal(withPoll(told, 'ok', { ...COST, serverCpuSeconds: 0.25 }, 0).poll.serverCpuSeconds, 0.75);
});
