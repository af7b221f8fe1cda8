import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Signal, TargetStatus } from '../../src/model.ts';
import { startCluster, type TestCluster } from '../../src/tour/cluster.ts';
import { prefill, startLoad } from '../../src/tour/load.ts';
import { moveSlots } from '../../src/tour/reshard.ts';
import { type ServerGroup, startServer } from '../../src/tour/server.ts';
import type { ServerBinary } from '../../src/tour/serverCache.ts';
import { absenceOfPeer, pollsOf, seriesOf, type Watched, watchTargets } from './support/agent.ts';
import { redis70, serverOrSkip, valkey91 } from './support/binaries.ts';

const background = { kind: 'background', keys: 2_000, exponent: 0.5, readRatio: 0.8, valueBytes: 64 } as const;

test('masters that are paused, killed and started again', async (t) => {
  const setUp = await loadedTargets(t, valkey91, 0);
  if (setUp === undefined) return;
  const { cluster, watched } = setUp;
  const name = (i: number) => `127.0.0.1:${cluster.nodes[i]?.port}`;
  const steady = await watched.until('three masters to be compared', (status) => isScored(status, 3));
  assert.equal(steady.outcome, 'ok', JSON.stringify(steady.absences));

  await t.test('SIGSTOP of one: a timeout of that one, the others still scored and no target late', async () => {
    cluster.pause(1);
    const status = await watched.until(
      'the paused master to be absent',
      (now) => absenceOfPeer(now, name(1)) !== undefined,
    );
    assert.equal(status.outcome, 'partial');
    assert.equal(absenceOfPeer(status, name(1))?.code, 'timeout');
    assert.match(absenceOfPeer(status, name(1))?.reason ?? '', /did not answer within the deadline/);
    assert.ok(isScored(status, 2), 'the two that answer are still compared');
    assert.equal(callsOf(status)?.absent, 1);
    assert.equal(
      callsOf(status)?.peers.find(({ peer }) => peer === name(1)),
      undefined,
      'no zero in its place',
    );

    const others = pollsOf(watched.status('other').totals);
    const own = pollsOf(watched.status().totals);
    const later = await watched.morePolls(3);
    assert.equal(absenceOfPeer(later, name(1))?.code, 'timeout', 'a new connection to it says the same');
    const ownPolls = pollsOf(watched.status().totals) - own;
    const otherPolls = pollsOf(watched.status('other').totals) - others;
    assert.ok(otherPolls >= ownPolls, `the other target made ${otherPolls} polls beside ${ownPolls}`);
    assert.equal(watched.status('other').totals.polls.failed, 0);

    const text = await watched.metrics();
    assert.equal(seriesOf(text, 'hotspot_absences').filter((line) => line.includes('code="timeout"')).length, 1);
    assert.deepEqual(
      seriesOf(text, 'hotspot_peer_calls_per_second').filter((line) => line.includes(name(1))),
      [],
    );
    assert.ok(seriesOf(text, 'hotspot_skew_ratio').some((line) => line.includes('resource="calls"')));
  });

  await t.test('SIGCONT: it is back, and what it had to catch up with is no spike', async () => {
    cluster.resume(1);
    await watched.until('three masters to be compared again', (now) => isScored(now, 3));
    await watched.morePolls(4);
    assertCalm(watched);
  });

  await t.test('kill -9 of one: unreachable, with the others still scored', async () => {
    await cluster.kill(1);
    const status = await watched.until(
      'the killed master to be absent',
      (now) => absenceOfPeer(now, name(1)) !== undefined && isScored(now, 2),
    );
    assert.equal(absenceOfPeer(status, name(1))?.code, 'unreachable');
    assert.match(absenceOfPeer(status, name(1))?.reason ?? '', /ECONNREFUSED|closed/);
    assert.equal(status.outcome, 'partial');
  });

  await t.test('two of three gone: undecided, no skew series and no zero', async () => {
    await cluster.kill(2);
    const status = await watched.until('two to be absent', (now) => callsOf(now)?.absent === 2);
    assert.equal(callsOf(status)?.undecided, 'incomplete');
    for (const signal of status.signals.filter(({ scope }) => scope.grain === 'node')) {
      assert.equal(signal.skew, undefined, `${signal.resource.name} has no score`);
    }
    assert.deepEqual(status.findings, []);
    const text = await watched.metrics();
    assert.deepEqual(
      seriesOf(text, 'hotspot_skew_ratio').filter((line) => line.includes('scope="masters"')),
      [],
    );
    const reasons = seriesOf(text, 'hotspot_skew_undecided').filter((line) => line.includes('resource="calls"'));
    assert.ok(reasons.length === 1 && reasons[0]?.includes('reason="incomplete"'), reasons.join());
    assert.deepEqual(
      seriesOf(text, 'hotspot_peer_calls_per_second').filter(
        (line) => line.includes(name(1)) || line.includes(name(2)),
      ),
      [],
    );
    assert.ok(
      seriesOf(text, 'hotspot_target_up').some((line) => line.endsWith(' 1')),
      'the target itself answers',
    );
  });

  await t.test('all gone: the poll fails with the reason, and the other target goes on', async () => {
    await cluster.kill(0);
    const status = await watched.until('the poll to fail', ({ outcome }) => outcome === 'failed');
    assert.equal(status.error?.code, 'unreachable');
    assert.equal(watched.failures.filter(({ target }) => target === 'it').length, 1, 'said once');
    const text = await watched.metrics();
    assert.deepEqual(
      seriesOf(text, 'hotspot_skew_ratio'),
      [],
      'what an earlier poll said does not pass for the present',
    );
    assert.ok(seriesOf(text, 'hotspot_target_up').some((line) => line.endsWith(' 0')));
    await watched.morePolls(2, 'other');
    assert.equal(watched.status('other').totals.polls.failed, 0);
  });

  await t.test('started again: counts begin anew, nothing opens', async () => {
    await Promise.all([0, 1, 2].map((i) => cluster.restart(i)));
    await watched.until('three masters to be compared again', (now) => isScored(now, 3));
    assert.deepEqual(watched.recoveries, ['it']);
    await watched.morePolls(3);
    assertCalm(watched);
  });
});

test('failover, reshard and a statistics reset under load', async (t) => {
  const setUp = await loadedTargets(t, redis70, 1);
  if (setUp === undefined) return;
  const { cluster, watched } = setUp;
  const name = (i: number) => `127.0.0.1:${cluster.nodes[i]?.port}`;
  const peers = (status: TargetStatus) => (callsOf(status)?.peers ?? []).map(({ peer }) => peer);
  await watched.until('three masters to be compared', (status) => isScored(status, 3));

  await t.test('CONFIG RESETSTAT: a reset of that one for one window, not a spike', async () => {
    const link = cluster.connect(0);
    t.after(() => link.disconnect());
    await link.call('CONFIG', 'RESETSTAT');
    const status = await watched.until('the reset to be seen', ({ absences }) =>
      absences.some(({ peer, resource, code }) => peer === name(0) && resource === 'calls' && code === 'reset'),
    );
    assert.deepEqual(peers(status).toSorted(), [name(1), name(2)].toSorted());
    assert.match(status.absences.find(({ code }) => code === 'reset')?.reason ?? '', /CONFIG RESETSTAT/);
    await watched.until('three masters to be compared again', (now) => isScored(now, 3));
    assertCalm(watched);
  });

  await t.test('a reshard: the owned slots follow, and the move itself is no hotspot', async () => {
    await moveSlots(cluster, 0, 1, range(0, 800));
    const status = await watched.until(
      'the moved slots to be known',
      (now) => isScored(now, 3) && callsOf(now)?.peers.find(({ peer }) => peer === name(0))?.parts === 5_461 - 800,
    );
    assert.equal(callsOf(status)?.peers.find(({ peer }) => peer === name(1))?.parts, 5_462 + 800);
    await watched.morePolls(2);
    assertCalm(watched);
  });

  await t.test('CLUSTER FAILOVER: the new master is taken on, the old one leaves', async () => {
    await cluster.failover(3);
    const status = await watched.until(
      'the new master to be compared',
      (now) => isScored(now, 3) && peers(now).includes(name(3)),
    );
    assert.deepEqual(peers(status).toSorted(), [name(1), name(2), name(3)].toSorted());
    await watched.morePolls(3);
    assertCalm(watched);
    assert.equal(watched.status().outcome, 'ok', JSON.stringify(watched.status().absences));
  });

  await t.test('kill -9 of a master with a replica: absent, then the replica in its place', async () => {
    await cluster.kill(1);
    const gone = await watched.until('it to be absent', (now) => absenceOfPeer(now, name(1)) !== undefined);
    assert.equal(absenceOfPeer(gone, name(1))?.code, 'unreachable');
    await watched.until(
      'its replica to be compared',
      (now) => isScored(now, 3) && peers(now).includes(name(4)) && absenceOfPeer(now, name(1)) === undefined,
      { withinMs: 30_000 },
    );
    await watched.morePolls(3);
    assertCalm(watched);
    assert.equal(watched.status().totals.polls.failed, 0, 'no poll failed as a whole');
  });
});

/** A cluster under a load that singles no one out, and a server beside it that nothing ever happens to. */
async function loadedTargets(
  t: TestContext,
  get: () => Promise<ServerBinary>,
  replicasPerMaster: 0 | 1,
): Promise<{ cluster: TestCluster; other: ServerGroup; watched: Watched } | undefined> {
  const binary = await serverOrSkip(t, get);
  if (binary === undefined) return undefined;
  const config = { 'cluster-require-full-coverage': 'no' };
  const cluster = await startCluster(binary, { replicasPerMaster, config });
  t.after(() => cluster.stop());
  const other = await startServer(binary);
  t.after(() => other.stop());
  await prefill(cluster, background);
  const load = await startLoad(cluster, { rate: 3_000, mix: [background] });
  t.after(() => load.stop());
  const urls = cluster.nodes.map(({ url }) => url);
  const watched = watchTargets(
    t,
    `  - { name: it, system: redis, urls: ${JSON.stringify(urls)}, probe: { enabled: false } }
  - { name: other, system: redis, urls: [${other.nodes[0]?.url}], probe: { enabled: false } }`,
  );
  return { cluster, other, watched };
}

function callsOf({ signals }: TargetStatus): Signal | undefined {
  return signals.find(({ scope, resource }) => scope.name === 'masters' && resource.name === 'calls');
}

/** The calls of so many masters were compared. */
function isScored(status: TargetStatus, masters: number): boolean {
  const calls = callsOf(status);
  return status.outcome !== 'failed' && calls?.peers.length === masters && calls.skew !== undefined;
}

function assertCalm({ changes, status }: Watched): void {
  assert.deepEqual(
    changes.map(({ kind, finding }) => `${kind}: ${finding.peer} ${JSON.stringify(finding.signals)}`),
    [],
  );
  assert.equal(status().totals.hotspotsOpened, 0);
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
