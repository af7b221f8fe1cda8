/** What keeps `scan` from saying that nothing is hot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unseenBy } from '../../../src/cli/scan.ts';
import type { Reading } from '../../../src/model.ts';
import { Ticks } from '../../support/agent.ts';
import { absenceOf, keyOf, probeOf, readingOf } from '../../support/readings.ts';

const busy = { calls: 5000, cpu: 0.4, bytes_out: 5_000_000 };
const noEvidence = { scope: 'keys', peer: 'a', code: 'disabled', reason: 'no LFU', remedy: 'CONFIG SET x y' } as const;

function unseen(reading: Reading, probe?: Parameters<Ticks['attach']>[1]): string[] {
  const agent = new Ticks({ openAfterTicks: 1, openPressure: 0 });
  agent.tick(reading);
  if (probe !== undefined) agent.attach('a', probe);
  return unseenBy(agent.tick(reading), reading, agent.tracker.hotspots);
}

test('peers that all answered and are calm leave nothing unseen', () => {
  assert.deepEqual(unseen(readingOf({ a: busy, b: busy, c: busy })), []);
});

test('too few answers to compare with: each load says why', () => {
  const absences = [absenceOf('b', 'timeout', 'no answer in 5 s'), absenceOf('c', 'timeout', 'no answer in 5 s')];
  const lines = unseen(readingOf({ a: busy }, { absences }));
  assert.ok(lines.includes('2 of 3 masters did not tell their calls: no answer in 5 s'), lines.join('\n'));
  assert.ok(lines.includes('2 of 3 masters did not tell their cpu: no answer in 5 s'), lines.join('\n'));
});

test('one absent of many is no reason to keep silent', () => {
  assert.deepEqual(unseen(readingOf({ a: busy, b: busy, c: busy }, { absences: [absenceOf('d')] })), []);
});

test('a lone server whose keys no evidence names says what would, unless it is idle or a key was seen', () => {
  const lone = readingOf({ a: busy });
  assert.deepEqual(unseen(lone, probeOf([], [noEvidence])), [
    'no keys of a were seen: no LFU; to enable: CONFIG SET x y',
  ]);
  assert.deepEqual(unseen(lone, probeOf([keyOf('k', 0.01)], [noEvidence])), []);
  assert.deepEqual(unseen(lone, probeOf([])), [], 'it looked, and there are none');
  assert.deepEqual(unseen(readingOf({ a: { calls: 5, cpu: 0.01 } }), probeOf([], [noEvidence])), []);
});
