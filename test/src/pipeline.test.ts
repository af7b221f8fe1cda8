/** Findings as a whole: what is said while a hotspot lives, when its peer falls silent, and after it has resolved. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupByPeers } from '../../src/detect/groups.ts';
import { scoreSignal } from '../../src/detect/signal.ts';
import type { Finding } from '../../src/model.ts';
import { explain } from '../../src/pipeline.ts';
import { CRITICAL_PRESSURE, severityOf, WARNING_PRESSURE } from '../../src/severity.ts';
import { onlyFinding, Ticks } from '../support/agent.ts';
import { absenceOf, evenCluster, keyOf, probeOf, readingOf } from '../support/readings.ts';

const topology = evenCluster(3, 40);
const idle = { calls: 5000, cpu: 0.2, reads: 4500, writes: 400, increments: 100, slots: 5461 };
const busy = { ...idle, calls: 25_000, cpu: 0.85, reads: 24_500 };
const hot = readingOf({ a: busy, b: idle, c: idle }, { topology });
const calm = readingOf({ a: idle, b: idle, c: idle }, { topology });
const KEY = 'product:{99}:secret-name';

function open(): Ticks {
  const agent = new Ticks();
  agent.tick(hot);
  agent.attach('a', probeOf([keyOf(KEY, 0.78), keyOf('product:other', 0.01)]));
  agent.tick(hot);
  return agent;
}

test('a finding says what, where, how bad, why and what to do', () => {
  const agent = open();
  const finding = onlyFinding(agent.tick(hot));
  assert.equal(finding.state, 'open');
  assert.equal(finding.severity, 'critical');
  assert.deepEqual([finding.system, finding.target, finding.scope, finding.peer], ['redis', 'shop', 'masters', 'a']);
  assert.equal(finding.since, '2026-01-01T00:00:00.000Z');
  assert.equal(finding.updated, '2026-01-01T00:00:20.000Z');
  assert.equal(finding.cause.id, 'hot_read_key');
  assert.match(finding.cause.statement, /product:\{99\}:secret-name, make 78 % of the load of a$/);
  assert.deepEqual(
    finding.keys.map(({ key, share }) => [key, share]),
    [
      [KEY, 0.78],
      ['product:other', 0.01],
    ],
  );
  assert.deepEqual(finding.recommendations.map(({ mitigation }) => mitigation).sort(), [
    'key_replication',
    'local_cache',
  ]);
  assert.deepEqual(finding.signals.find(({ resource }) => resource === 'calls')?.hottest[0]?.peer, 'a');
  assert.deepEqual(JSON.parse(JSON.stringify(finding)), finding, 'nothing in it is lost as JSON');
});

test('nothing in the pipeline remembers the time but through its arguments: the same readings give the same findings', () => {
  assert.deepEqual(onlyFinding(open().tick(hot)), onlyFinding(open().tick(hot)));
});

test('skew alone is info, with pressure a warning, near the limit critical', () => {
  assert.equal(severityOf(undefined), 'info');
  assert.equal(severityOf(0), 'info');
  assert.equal(severityOf(WARNING_PRESSURE - 0.001), 'info');
  assert.equal(severityOf(WARNING_PRESSURE), 'warning');
  assert.equal(severityOf(CRITICAL_PRESSURE - 0.001), 'warning');
  assert.equal(severityOf(CRITICAL_PRESSURE), 'critical');
  assert.equal(severityOf(3), 'critical');
});

test('a severity falls only when the pressure is well below its threshold', () => {
  assert.equal(severityOf(CRITICAL_PRESSURE - 0.05, 'critical'), 'critical');
  assert.equal(severityOf(CRITICAL_PRESSURE - 0.11, 'critical'), 'warning');
  assert.equal(severityOf(WARNING_PRESSURE - 0.05, 'warning'), 'warning');
  assert.equal(severityOf(WARNING_PRESSURE - 0.05, 'info'), 'info');
  assert.equal(severityOf(WARNING_PRESSURE - 0.11, 'warning'), 'info');
});

test('an open hotspot whose peer falls silent stays, with what was last known, from when, and why', () => {
  const agent = open();
  const before = onlyFinding(agent.tick(hot));
  const silent = readingOf(
    { b: idle, c: idle },
    { topology, absences: [absenceOf('a', 'timeout', 'no answer in 5 s')] },
  );
  for (let i = 0; i < 3; i++) {
    const finding = onlyFinding(agent.tick(silent));
    assert.equal(finding.state, 'open');
    assert.deepEqual(finding.cause.evidence, [
      `a does not answer: no answer in 5 s; what follows is from ${before.updated}`,
      ...before.cause.evidence,
    ]);
    const { evidence: _, ...cause } = before.cause;
    assert.deepEqual(finding, { ...before, cause: { ...cause, evidence: finding.cause.evidence } });
  }
  const again = onlyFinding(agent.tick(hot));
  assert.deepEqual(again.cause.evidence, before.cause.evidence);
});

test('a peer that answers, but not for its load, says which', () => {
  const agent = open();
  const absences = ['cpu', 'calls'].map((resource) => ({
    ...absenceOf('a', 'forbidden', 'NOPERM'),
    resource,
  }));
  const finding = onlyFinding(agent.tick(readingOf({ a: { latency_p99: 0.01 }, b: idle, c: idle }, { absences })));
  assert.match(finding.cause.evidence[0] ?? '', /^a does not tell its cpu: NOPERM; what follows is from /);
});

test('a target that is silent as a whole keeps its findings too', () => {
  const agent = open();
  const reason = 'every seed refused the connection';
  const finding = onlyFinding(
    agent.tick(readingOf({}, { absences: [{ scope: 'masters', code: 'unreachable', reason }] })),
  );
  assert.equal(finding.state, 'open');
  assert.match(finding.cause.evidence[0] ?? '', /^a does not answer: every seed refused the connection; /);
});

test('a peer that left is said to have left, then resolves', () => {
  const agent = open();
  const without = readingOf({ b: idle, c: idle }, { topology: evenClusterWithout('a') });
  const first = onlyFinding(agent.tick(without));
  assert.equal(first.state, 'open');
  assert.match(first.cause.evidence[0] ?? '', /^a is no longer a part of shop; what follows is from /);
  agent.tick(without);
  const last = onlyFinding(agent.tick(without));
  assert.equal(last.state, 'resolved');
  assert.equal(last.cause.id, 'hot_read_key');
});

function evenClusterWithout(peer: string) {
  return { ...topology, masters: topology.masters.filter((master) => master.peer !== peer) };
}

test('a resolved hotspot shows what it was while it was hot, for those who come after the page', () => {
  const agent = open();
  const before = onlyFinding(agent.tick(hot));
  const cooling = onlyFinding(agent.ticks(2, calm));
  assert.equal(cooling.state, 'open');
  assert.equal(cooling.signals.find(({ resource }) => resource === 'calls')?.skew, 0, 'live while it is open');
  const resolved = onlyFinding(agent.tick(calm));
  assert.equal(resolved.state, 'resolved');
  assert.deepEqual(resolved.signals, before.signals);
  assert.deepEqual(resolved.recommendations, before.recommendations);
  assert.equal(resolved.cause.evidence[0], `resolved at ${resolved.updated}; what follows is from ${before.updated}`);
  assert.ok(resolved.updated > before.updated);
});

test('explained again after a probe, without a new reading', () => {
  const agent = new Ticks();
  const { signals } = agent.ticks(2, hot);
  const before = agent.hotspot('a');
  assert.ok(before);
  agent.attach('a', probeOf([keyOf(KEY, 0.78)]));
  const after = agent.hotspot('a');
  assert.ok(after);
  const causes = [before, after].map(
    (hotspot) => explain(hotspot, signals, hot, agent.tracker, (key) => key)[0]?.cause.id,
  );
  assert.deepEqual(causes, ['undetermined', 'hot_read_key']);
  assert.deepEqual(signals, groupByPeers(hot).map(scoreSignal));
});

test('a redacted key leaves nowhere: not live, not from a silent peer, not from a resolved hotspot', () => {
  const agent = open();
  const findings: Finding[] = [onlyFinding(agent.tick(hot))];
  assert.match(JSON.stringify(findings), /secret-name/);
  // The redaction changed while the agent runs: what is remembered is written by the new one.
  agent.show = (key) => `hmac:${key.length}`;
  findings.length = 0;
  findings.push(onlyFinding(agent.tick(hot)));
  findings.push(onlyFinding(agent.tick(readingOf({ b: idle, c: idle }, { absences: [absenceOf('a')] }))));
  findings.push(onlyFinding(agent.ticks(3, calm)));
  assert.deepEqual(
    findings.map(({ state }) => state),
    ['open', 'open', 'resolved'],
  );
  for (const finding of findings) {
    const text = JSON.stringify(finding);
    assert.doesNotMatch(text, /product|secret|\{99\}/);
    assert.match(text, new RegExp(`hmac:${KEY.length}`));
    assert.ok(finding.recommendations.length > 0);
  }
});
