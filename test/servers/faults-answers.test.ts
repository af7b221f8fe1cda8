import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SENTINEL_LEAST_PRIVILEGE } from '../../collectors/redis/acl.ts';
import type { AbsenceCode, TargetStatus } from '../../src/model.ts';
import { startCluster, startSentinel, until } from '../../src/tour/cluster.ts';
import { freePort } from '../../src/tour/ports.ts';
import { adminConnection, type ServerGroup, startServer } from '../../src/tour/server.ts';
import { pollsOf, seriesOf, watchTargets } from './support/agent.ts';
import { redis70, serverOrSkip, valkey91 } from './support/binaries.ts';
import { type Misbehaviour, startGarbage } from './support/garbage.ts';

const DEADLINE_MS = 1500;

interface Expected {
  readonly code: AbsenceCode;
  readonly reason: RegExp;
  readonly remedy?: RegExp;
}

const MISBEHAVIOURS: Readonly<Record<string, Expected & { readonly does: Misbehaviour }>> = {
  rubbish: { does: { kind: 'rubbish' }, code: 'garbage', reason: /not the protocol of Redis/ },
  silence: { does: { kind: 'silence' }, code: 'timeout', reason: /did not answer within the deadline/ },
  half: { does: { kind: 'half' }, code: 'timeout', reason: /did not answer within the deadline/ },
  drip: { does: { kind: 'drip' }, code: 'timeout', reason: /did not answer within the deadline/ },
  hangup: { does: { kind: 'hangup' }, code: 'unreachable', reason: /closed|ECONNRESET/ },
  loading: {
    does: errorReply('LOADING Redis is loading the dataset in memory'),
    code: 'loading',
    reason: /loading the dataset/,
  },
  masterdown: {
    does: errorReply("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
    code: 'unreachable',
    reason: /MASTERDOWN/,
  },
  full: {
    does: errorReply('ERR max number of clients reached'),
    code: 'unreachable',
    reason: /max number of clients/,
    remedy: /maxclients/,
  },
  lies: { does: reply('$5\r\nhello\r\n'), code: 'garbage', reason: /not a server's/ },
  numbers: { does: reply(':7\r\n'), code: 'garbage', reason: /not a server's/ },
};

test('servers that answer garbage, nothing or errors: each target says which, and none delays another', async (t) => {
  const binary = await serverOrSkip(t, valkey91);
  if (binary === undefined) return;
  const healthy = await started(t, startServer(binary));
  const noSlots = await started(t, startServer(binary, { config: { 'cluster-enabled': 'yes' } }));
  const sentinel = await started(t, startSentinel(binary, nodeOf(healthy)));
  const urls: Record<string, string> = {
    closed: `redis://127.0.0.1:${await freePort()}`,
    unnamed: 'redis://no-such-host.invalid:6379',
    unassigned: nodeOf(noSlots).url,
    sentinel: nodeOf(sentinel).url,
  };
  for (const [name, { does }] of Object.entries(MISBEHAVIOURS)) {
    const server = await startGarbage(does);
    t.after(() => server.stop());
    urls[name] = server.url;
  }
  const expected: Readonly<Record<string, Expected>> = {
    ...MISBEHAVIOURS,
    closed: { code: 'unreachable', reason: /ECONNREFUSED/ },
    unnamed: { code: 'unreachable', reason: /no-such-host\.invalid/ },
    unassigned: { code: 'unreachable', reason: /no slots assigned/, remedy: /CLUSTER ADDSLOTS/ },
    sentinel: { code: 'unsupported', reason: /a sentinel, not a server/, remedy: /mode: sentinel/ },
  };

  const list = Object.entries({ ...urls, healthy: nodeOf(healthy).url }).map(targetLine);
  const watched = watchTargets(t, list.join('\n'), { deadlineMs: DEADLINE_MS });
  const sick = Object.keys(urls);
  await watched.until(
    'every sick target to have failed three times',
    (_, all) => all.every(({ target, totals }) => target === 'healthy' || totals.polls.failed >= 3),
    { target: 'healthy' },
  );

  const text = await watched.metrics();
  for (const name of sick) {
    const status = watched.status(name);
    const want = expected[name];
    assert.ok(want !== undefined, name);
    assert.equal(status.outcome, 'failed', name);
    assert.equal(status.error?.code, want.code, `${name}: ${status.error?.reason}`);
    assert.match(status.error?.reason ?? '', want.reason, name);
    const [absence, ...more] = status.absences;
    assert.deepEqual(more, [], name);
    assert.equal(absence?.code, want.code, name);
    if (want.remedy !== undefined) assert.match(absence?.remedy ?? '', want.remedy, name);
    assert.deepEqual(status.findings, [], name);
    assert.deepEqual(status.signals, [], name);
    assert.deepEqual(
      watched.failures.filter(({ target }) => target === name).map(({ code }) => code),
      [want.code],
      'said once, not at every poll',
    );
    assert.match(seriesOf(text, 'hotspot_target_up', name).join(), / 0$/);
    assert.match(seriesOf(text, 'hotspot_target_error', name).join(), new RegExp(`code="${want.code}"`));
    assert.deepEqual(seriesOf(text, 'hotspot_skew_ratio', name), []);
    assert.deepEqual(seriesOf(text, 'hotspot_hotspots', name), [], `${name}: of a target never read, none is a guess`);
  }
  const healthyPolls = pollsOf(watched.status('healthy').totals);
  for (const name of sick) {
    const polls = pollsOf(watched.status(name).totals);
    assert.ok(polls <= healthyPolls, `${name} made ${polls} polls, the healthy one ${healthyPolls}`);
  }
  assert.deepEqual(watched.status('healthy').totals.polls, { ok: healthyPolls, partial: 0, failed: 0 });
  assert.match(seriesOf(text, 'hotspot_target_up', 'healthy').join(), / 1$/);
  for (const { target, durationMs } of watched.polls) {
    assert.ok(durationMs <= DEADLINE_MS + 1000, `a poll of ${target} took ${Math.round(durationMs)} ms`);
  }
});

test('a cluster some of whose slots no one owns is read all the same', async (t) => {
  const binary = await serverOrSkip(t, valkey91);
  if (binary === undefined) return;
  const cluster = await startCluster(binary, { config: { 'cluster-require-full-coverage': 'no' } });
  t.after(() => cluster.stop());
  for (let i = 0; i < 3; i++) {
    const link = cluster.connect(i);
    t.after(() => link.disconnect());
    await link.call('CLUSTER', 'DELSLOTSRANGE', 0, 99);
  }
  const watched = watchTargets(
    t,
    cluster.nodes.map(({ url }) => url),
  );
  const status = await watched.until('all masters to be read', ({ outcome }) => outcome === 'ok');
  const memory = status.signals.find(({ resource }) => resource.name === 'memory');
  const owned = memory?.peers.map(({ parts = 0 }) => parts) ?? [];
  assert.equal(owned.length, 3);
  assert.equal(
    owned.reduce((sum, parts) => sum + parts, 0),
    16_384 - 100,
  );
});

test('a server that loads its data, then runs an endless script', async (t) => {
  const binary = await serverOrSkip(t, redis70);
  if (binary === undefined) return;
  const server = await started(
    t,
    startServer(binary, {
      config: {
        'key-load-delay': '10000',
        'loading-process-events-interval-bytes': '1024',
        'lua-time-limit': '50',
      },
    }),
  );
  const { port, url } = nodeOf(server);
  const link = adminConnection(port);
  t.after(() => link.disconnect());
  const pipeline = link.pipeline();
  for (let i = 0; i < 250; i++) pipeline.set(`key:${i}`, 'x'.repeat(1000));
  await pipeline.exec();
  await link.call('SAVE');

  const watched = watchTargets(t, [url], { intervalMs: 200, maxBackoffMs: 200 });
  await watched.until('the first answer', ({ outcome }) => outcome === 'ok');
  await server.kill(0);
  await watched.until('it to be gone', ({ error }) => error?.code === 'unreachable');
  const restarted = server.restart(0);
  const loading = await watched.until('it to load', ({ error }) => error?.code === 'loading');
  assert.match(loading.error?.reason ?? '', /is loading/);
  await restarted;
  await watched.until('it to answer', ({ outcome }) => outcome === 'ok');

  const runner = adminConnection(port);
  t.after(() => runner.disconnect());
  const script = runner.call('EVAL', 'while true do end', 0).catch((error: unknown) => String(error));
  const busy = await watched.until('it to be busy', ({ error }) => error?.code === 'busy');
  assert.match(busy.error?.reason ?? '', /SCRIPT KILL/, 'the reply itself says how to mend it');
  assert.deepEqual(busy.findings, []);
  await link.call('SCRIPT', 'KILL');
  await script;
  await watched.until('it to answer', ({ outcome }) => outcome === 'ok');
  await watched.morePolls(2);
  assert.deepEqual(watched.changes, []);
});

test('sentinel: the master is found, and after a failover the new one', async (t) => {
  const binary = await serverOrSkip(t, valkey91);
  if (binary === undefined) return;
  const master = await started(t, startServer(binary));
  const at = nodeOf(master);
  const replica = await started(t, startServer(binary, { config: { replicaof: `${at.host} ${at.port}` } }));
  const sentinel = await started(t, startSentinel(binary, at));
  const link = adminConnection(nodeOf(sentinel).port);
  t.after(() => link.disconnect());
  const replicaKnown = async () => (await link.info('sentinel')).includes('slaves=1');
  await until('the sentinel to know the replica', replicaKnown, 20_000);

  await link.call('ACL', 'SETUSER', 'watcher', 'on', '>hunter2', ...SENTINEL_LEAST_PRIVILEGE);
  const sentinels = `mode: sentinel, urls: [${nodeOf(sentinel).url}], probe: { enabled: false }`;
  const watched = watchTargets(
    t,
    `  - { name: it, system: redis, ${sentinels}, sentinel: { name: mymaster } }
  - { name: guarded, system: redis, ${sentinels}, sentinel: { name: mymaster, username: watcher, password: hunter2 } }
  - { name: misnamed, system: redis, ${sentinels}, sentinel: { name: other } }`,
  );
  const peerOf = ({ signals }: TargetStatus) => signals[0]?.peers[0]?.peer;
  await watched.until('the master to be read', (status) => status.outcome === 'ok' && peerOf(status) !== undefined);
  assert.equal(peerOf(watched.status()), `${at.host}:${at.port}`);
  await watched.until('the documented user of the sentinels to do', ({ outcome }) => outcome === 'ok', {
    target: 'guarded',
  });
  await watched.morePolls(1, 'misnamed');
  const [unknown] = watched.status('misnamed').absences;
  assert.match(unknown?.reason ?? '', /knows no master named "other"/);
  assert.match(unknown?.remedy ?? '', /sentinel\.name/);

  await master.kill(0);
  await watched.until('the master to be gone', ({ error }) => error?.code === 'unreachable');
  const after = await watched.until(
    'the replica to be read in its place',
    (status) => status.outcome === 'ok' && peerOf(status) === `${at.host}:${nodeOf(replica).port}`,
    { withinMs: 40_000 },
  );
  assert.equal(after.error, undefined);
  assert.deepEqual(watched.changes, []);
});

function errorReply(text: string): Misbehaviour {
  return reply(`-${text}\r\n`);
}

/** The same reply to each command of a pipeline. */
function reply(text: string): Misbehaviour {
  return {
    kind: 'script',
    answer: (request) => text.repeat(request.toString('latin1').match(/\*\d+\r\n/g)?.length ?? 0),
  };
}

function targetLine([name, url]: [string, string]): string {
  return `  - { name: ${name}, system: redis, urls: ['${url}'], probe: { enabled: false } }`;
}

async function started(t: TestContext, starting: Promise<ServerGroup>): Promise<ServerGroup> {
  const group = await starting;
  t.after(() => group.stop());
  return group;
}

function nodeOf(group: ServerGroup): ServerGroup['nodes'][number] {
  const [node] = group.nodes;
  if (node === undefined) throw new Error('a group without a node');
  return node;
}
