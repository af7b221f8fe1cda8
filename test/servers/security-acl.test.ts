import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { aclRules } from '../../collectors/redis/acl.ts';
import { createCollector } from '../../src/agent.ts';
import { systemClock } from '../../src/clock.ts';
import { loadConfig } from '../../src/config.ts';
import type { Absence, Collector, Evidence } from '../../src/model.ts';
import { startCluster, type TestCluster } from '../../src/tour/cluster.ts';
import { startServer } from '../../src/tour/server.ts';
import type { ServerBinary } from '../../src/tour/serverCache.ts';
import { seriesOf, watchTargets } from './support/agent.ts';
import { redis70, redis86, serverOrSkip, valkey91 } from './support/binaries.ts';

const PASSWORD = 'correct-horse-battery';
const SIGNAL = new AbortController().signal;

const SERVERS: readonly (readonly [name: string, get: () => Promise<ServerBinary>, policy: string])[] = [
  ['Redis 7.0', redis70, 'noeviction'],
  ['Redis 8.6', redis86, 'allkeys-lru'],
  ['Valkey 9.1', valkey91, 'allkeys-lfu'],
];

for (const [name, get, policy] of SERVERS) {
  test(`${name}: the documented user may do all that the agent does, which is exactly the documented commands`, async (t) => {
    const setUp = await clusterOfOne(t, get, { 'maxmemory-policy': policy });
    if (setUp === undefined) return;
    const { cluster, binary } = setUp;
    const rules = aclRules({ server: binary.name, version: binary.version }, true);
    const admin = adminOf(t, cluster);
    await admin.call('ACL', 'SETUSER', 'mon', 'on', `>${PASSWORD}`, ...rules);
    await admin.call('CONFIG', 'RESETSTAT');
    await admin.call('ACL', 'LOG', 'RESET');

    const collector = collectorFor(t, cluster, 'username: mon, password: $PASSWORD');
    await collector.start(SIGNAL);
    await collector.poll({ signal: SIGNAL, attentive: true });
    const evidence = await collector.evidence(SIGNAL);
    const peer = `127.0.0.1:${cluster.nodes[0]?.port}`;
    const probed = await collector.probe?.({ id: 'id', scope: 'masters', peer }, SIGNAL);
    const bursting = collectorFor(t, cluster, 'username: mon, password: $PASSWORD', 'monitor: true');
    await bursting.start(SIGNAL);
    await bursting.probe?.({ id: 'id', scope: 'masters', peer }, SIGNAL);
    const reading = await collector.poll({ signal: SIGNAL, attentive: true });
    await Promise.all([collector.stop(), bursting.stop()]);

    assert.deepEqual(refusals(reading.absences), []);
    assert.deepEqual(refusals(probed?.absences ?? []), []);
    assert.deepEqual(
      evidence.filter(({ reason }) => /NOPERM|permission/i.test(reason)),
      [],
    );
    assert.deepEqual(await admin.call('ACL', 'LOG'), [], 'the server refused nothing');
    const stats = String(await admin.call('INFO', 'all'));
    assert.doesNotMatch(stats, /errorstat_NOPERM/);

    const called = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, command = '']) => command);
    const ours = called.filter((command) => !['auth', 'acl|log', 'config|resetstat'].includes(command)).toSorted();
    const documented = rules.filter((rule) => rule.startsWith('+')).map((rule) => rule.slice(1));
    assert.deepEqual(ours, [...documented].toSorted(), 'nothing else was sent, and nothing is documented in vain');
  });
}

test('a user who lacks a rule: what that costs, with the rule that mends it', async (t) => {
  const setUp = await clusterOfOne(t, valkey91, { 'cluster-slot-stats-enabled': 'yes' });
  if (setUp === undefined) return;
  const { cluster, binary } = setUp;
  const admin = adminOf(t, cluster);
  const all = aclRules({ server: binary.name, version: binary.version });
  const peer = `127.0.0.1:${cluster.nodes[0]?.port}`;
  const without = async (...lacking: string[]) => {
    const user = `no-${lacking.join('').replaceAll(/[^a-z]/g, '') || 'keys'}`;
    const rules = all.filter((rule) => !lacking.includes(rule));
    await admin.call('ACL', 'SETUSER', user, 'on', `>${PASSWORD}`, ...rules);
    return { user, collector: collectorFor(t, cluster, `mode: cluster, username: ${user}, password: $PASSWORD`) };
  };
  const poll = async (collector: Collector) => {
    await collector.start(SIGNAL);
    return collector.poll({ signal: SIGNAL, attentive: true });
  };

  await t.test('+info: nothing can be read', async () => {
    const { user, collector } = await without('+info');
    await assert.rejects(poll(collector), { code: 'forbidden', remedy: `ACL SETUSER ${user} +info` });
  });
  await t.test('+cluster|slots: the masters cannot be found', async () => {
    const { user, collector } = await without('+cluster|slots');
    await assert.rejects(poll(collector), { code: 'forbidden', remedy: `ACL SETUSER ${user} +cluster|slots` });
  });
  await t.test('+latency|histogram: the latency alone is absent', async () => {
    const { user, collector } = await without('+latency|histogram');
    const { absences, samples } = await poll(collector);
    const [absence, ...more] = refusals(absences);
    assert.deepEqual(more, []);
    assert.equal(absence?.resource, 'latency_p99');
    assert.equal(absence?.remedy, `ACL SETUSER ${user} +latency|histogram`);
    assert.ok(samples.some(({ resource }) => resource === 'memory'));
  });
  await t.test('+cluster|slot-stats: the slots alone are absent', async () => {
    const { user, collector } = await without('+cluster|slot-stats');
    const [absence, ...more] = refusals((await poll(collector)).absences);
    assert.deepEqual(more, []);
    assert.equal(absence?.scope, 'slots');
    assert.equal(absence?.remedy, `ACL SETUSER ${user} +cluster|slot-stats`);
  });
  for (const [lacking, evidence] of [
    ['+scan', 'idle times'],
    ['+object|idletime', 'idle times'],
    ['%R~*', 'idle times'],
    ['+cluster|getkeysinslot', 'slot statistics'],
  ] as const) {
    await t.test(`${lacking}: the evidence says so`, async () => {
      const { user, collector } = await without(lacking);
      const { absences } = await poll(collector);
      assert.deepEqual(refusals(absences), [], 'a poll needs it not');
      const found = (await collector.evidence(SIGNAL)).find(({ name }) => name === evidence);
      assertUnavailable(found, `ACL SETUSER ${user} ${lacking}`);
    });
  }
  await t.test('+scan: a probe says why it named no key', async () => {
    const { user, collector } = await without('+scan');
    await poll(collector);
    const probed = await collector.probe?.({ id: 'id', scope: 'masters', peer }, SIGNAL);
    const [absence, ...more] = refusals(probed?.absences ?? []);
    assert.deepEqual(more, []);
    assert.deepEqual([absence?.scope, absence?.peer, absence?.remedy], ['keys', peer, `ACL SETUSER ${user} +scan`]);
  });
  await t.test('+monitor, with MONITOR opted in: the other evidence serves, and the rule is named', async () => {
    await admin.call('ACL', 'SETUSER', 'no-monitor', 'on', `>${PASSWORD}`, ...all);
    const collector = collectorFor(t, cluster, 'username: no-monitor, password: $PASSWORD', 'monitor: true');
    await poll(collector);
    const probed = await collector.probe?.({ id: 'id', scope: 'masters', peer }, SIGNAL);
    const [absence, ...more] = refusals(probed?.absences ?? []);
    assert.deepEqual(more, []);
    assert.equal(absence?.remedy, 'ACL SETUSER no-monitor +monitor');
  });
  await t.test('Redis 7.0 does not name the user in its refusal; we do', async () => {
    const old = await clusterOfOne(t, redis70);
    if (old === undefined) return;
    await adminOf(t, old.cluster).call('ACL', 'SETUSER', 'mon', 'on', `>${PASSWORD}`, '-@all', '+info');
    const collector = collectorFor(t, old.cluster, 'username: mon, password: $PASSWORD');
    await assert.rejects(poll(collector), { code: 'forbidden', remedy: 'ACL SETUSER mon +cluster|slots' });
  });
});

test('passwords: wrong, missing and not needed; none of them is told to anyone', async (t) => {
  const binary = await serverOrSkip(t, redis70);
  if (binary === undefined) return;
  const guarded = await startServer(binary, { config: { requirepass: PASSWORD } });
  t.after(() => guarded.stop());
  const open = await startServer(binary);
  t.after(() => open.stop());
  const [guardedUrl, openUrl] = [guarded.nodes[0]?.url, open.nodes[0]?.url];
  const line = (name: string, url: string | undefined, access: string) =>
    `  - { name: ${name}, system: redis, urls: ['${url}'], probe: { enabled: false }${access} }`;
  const WRONG = 'wrong-horse-battery';
  const watched = watchTargets(
    t,
    [
      line('right', guardedUrl, ', passwordFile: secret'),
      line('wrong', guardedUrl, `, password: ${WRONG}`),
      line('stranger', guardedUrl, `, username: nobody, password: ${WRONG}`),
      line('missing', guardedUrl, ''),
      line('needless', openUrl, `, password: ${WRONG}`),
      line('inurl', guardedUrl?.replace('//', `//default:${PASSWORD}@`), ''),
    ].join('\n'),
    { files: { secret: `${PASSWORD}\n` } },
  );
  await watched.until(
    'two polls of each',
    (_, all) => all.every(({ totals: { polls } }) => polls.ok + polls.partial + polls.failed >= 2),
    { target: 'right' },
  );
  // ioredis goes on where a server needs no password, and so do we.
  for (const name of ['right', 'inurl', 'needless']) assert.equal(watched.status(name).error, undefined, name);
  for (const [name, reason, remedy] of [
    ['wrong', /WRONGPASS/, /password/],
    ['stranger', /WRONGPASS/, /username and password/],
    ['missing', /NOAUTH/, /password/],
  ] as const) {
    const { error, absences, outcome } = watched.status(name);
    assert.equal(outcome, 'failed', name);
    assert.equal(error?.code, 'unauthenticated', `${name}: ${error?.reason}`);
    assert.match(error?.reason ?? '', reason, name);
    assert.match(absences[0]?.remedy ?? '', remedy, name);
  }
  const text = await watched.metrics();
  assert.match(seriesOf(text, 'hotspot_target_error', 'wrong').join(), /code="unauthenticated"/);
  const told = JSON.stringify([watched.agent.targets(), watched.failures, text]);
  for (const secret of [PASSWORD, WRONG]) assert.ok(!told.includes(secret), 'no password leaves');
});

async function clusterOfOne(
  t: TestContext,
  get: () => Promise<ServerBinary>,
  config: Readonly<Record<string, string>> = {},
): Promise<{ cluster: TestCluster; binary: ServerBinary } | undefined> {
  const binary = await serverOrSkip(t, get);
  if (binary === undefined) return undefined;
  const cluster = await startCluster(binary, { masters: 1, config });
  t.after(() => cluster.stop());
  const link = cluster.connect(0);
  const pipeline = link.pipeline();
  for (let i = 0; i < 100; i++) pipeline.set(`key:${i}`, i);
  await pipeline.exec();
  link.disconnect();
  return { cluster, binary };
}

function adminOf(t: TestContext, cluster: TestCluster) {
  const admin = cluster.connect(0);
  t.after(() => admin.disconnect());
  return admin;
}

function collectorFor(t: TestContext, { nodes }: TestCluster, access: string, probe = 'enabled: true'): Collector {
  const fields = access.replace('$PASSWORD', PASSWORD);
  const text = `targets:\n  - { name: it, system: redis, urls: ['${nodes[0]?.url}'], ${fields}, probe: { ${probe} } }`;
  const loaded = loadConfig({ text, path: undefined, env: {}, readFile: () => '' });
  const target = loaded.ok ? loaded.config.targets[0] : undefined;
  if (target === undefined) throw new Error(JSON.stringify(loaded));
  const collector = createCollector(target, systemClock);
  t.after(() => collector.stop());
  return collector;
}

function refusals(absences: readonly Absence[]): Absence[] {
  return absences.filter(({ code }) => code === 'forbidden');
}

function assertUnavailable(evidence: Evidence | undefined, remedy: string): void {
  assert.equal(evidence?.available, false);
  assert.match(evidence?.reason ?? '', /NOPERM/);
  assert.equal(evidence?.remedy, remedy);
}
