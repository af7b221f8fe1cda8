import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { startCluster, startSentinel, until } from '../../src/tour/cluster.ts';
import { countsBetween, type Load, prefill, startLoad } from '../../src/tour/load.ts';
import { readSlots, readStrings } from '../../src/tour/replies.ts';
import { moveSlots } from '../../src/tour/reshard.ts';
import { adminConnection, startServer } from '../../src/tour/server.ts';
import type { ServerBinary } from '../../src/tour/serverCache.ts';
import { startTour } from '../../src/tour/tour.ts';
import { redis70, redis86, serverOrSkip, valkey91 } from './support/binaries.ts';

const background = { kind: 'background', keys: 2_000, exponent: 0.7, readRatio: 0.8, valueBytes: 64 } as const;

// A temporary folder of our own, so that what is left behind in it is ours.
Object.assign(process.env, { TMPDIR: mkdtempSync(path.join(tmpdir(), 'hotspot-agent-test-')) });
after(() => rmSync(tmpdir(), { recursive: true, force: true }));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function folders(): string[] {
  return readdirSync(tmpdir());
}

async function flowing(load: Load, calls: number): Promise<void> {
  const { answered } = load.counts();
  await until(`${calls} more answers`, async () => load.counts().answered >= answered + calls);
}

const servers: [string, () => Promise<ServerBinary>][] = [
  ['Redis 7.0', redis70],
  ['Redis 8.6', redis86],
  ['Valkey 9.1', valkey91],
];

for (const [name, get] of servers) {
  test(`${name}: a cluster with replicas starts with the slots asked for, and leaves nothing`, async (t) => {
    const binary = await serverOrSkip(t, get);
    if (binary === undefined) return;
    const cluster = await startCluster(binary, {
      replicasPerMaster: 1,
      slots: [[[0, 9_999]], [[10_000, 12_999]], [[13_000, 16_383]]],
    });
    t.after(() => cluster.stop());
    const pids = cluster.nodes.map(({ pid }) => pid);
    assert.equal(pids.length, 6);
    const link = cluster.connect(5);
    t.after(() => link.disconnect());
    const ranges = readSlots(await link.call('CLUSTER', 'SLOTS'));
    const owners = ranges.map(({ first, last, port }) => [first, last, port]);
    const ports = cluster.nodes.map(({ port }) => port);
    assert.deepEqual(owners, [
      [0, 9_999, ports[0]],
      [10_000, 12_999, ports[1]],
      [13_000, 16_383, ports[2]],
    ]);
    cluster.pause(2);
    await cluster.stop();
    await cluster.stop();
    assert.deepEqual(pids.filter(isAlive), []);
    assert.deepEqual(folders(), []);
  });
}

test('the load is what it says: shares, owners, and the servers count the same calls', async (t) => {
  const { cluster } = await loadedCluster(t, valkey91);
  if (cluster === undefined) return;
  const load = await startLoad(cluster, {
    rate: 6_000,
    mix: [background, { kind: 'read', key: 'product:99', share: 0.5, listLength: 100 }],
  });
  t.after(() => load.stop());
  const before = load.counts();
  await flowing(load, 6_000);
  const counts = countsBetween(before, load.counts());
  const hot = counts.hot['product:99']?.reads ?? 0;
  assert.ok(Math.abs(hot / counts.answered - 0.5) < 0.04, `hot share ${hot / counts.answered}`);
  const onOwner = counts.byNode[load.ownerOf('product:99')] ?? 0;
  assert.ok(onOwner > hot, 'the owner answers the hot key and its part of the background');
  assert.equal(counts.background.reads + counts.background.writes + hot, counts.answered);
  assert.deepEqual(counts.errors, {});

  await load.set([background, { kind: 'increment', key: 'post:99:likes', share: 0.5 }]);
  await flowing(load, 2_000);
  const total = await load.stop();
  const owner = cluster.nodes.findIndex(({ host, port }) => `${host}:${port}` === load.ownerOf('post:99:likes'));
  const link = cluster.connect(owner);
  t.after(() => link.disconnect());
  assert.equal(
    await link.get('post:99:likes'),
    String(total.hot['post:99:likes']?.increments),
    'every increment is counted once',
  );
  const stats = await link.info('commandstats');
  assert.equal(/cmdstat_incr:calls=(\d+)/.exec(stats)?.[1], String(total.hot['post:99:likes']?.increments));
});

test('the load goes on through a reshard, a paused, a killed and a failed-over master', async (t) => {
  const { cluster } = await loadedCluster(t, redis70, 1);
  if (cluster === undefined) return;
  const load = await startLoad(cluster, { rate: 4_000, mix: [background] });
  t.after(() => load.stop());
  const name = (i: number) => `127.0.0.1:${cluster.nodes[i]?.port}`;
  await flowing(load, 1_000);

  const slots = Array.from({ length: 600 }, (_, slot) => slot);
  await moveSlots(cluster, 0, 1, slots);
  await flowing(load, 1_000);
  const afterMove = load.counts();
  const lost = Object.values(afterMove.errors).reduce((sum, n) => sum + n, 0);
  assert.equal(lost, 0, `a reshard loses no call: ${JSON.stringify(afterMove.errors)}`);
  const link = cluster.connect(1);
  t.after(() => link.disconnect());
  const ranges = readSlots(await link.call('CLUSTER', 'SLOTS'));
  assert.ok(ranges.some(({ first, last, port }) => first === 0 && last === 599 && port === cluster.nodes[1]?.port));

  await cluster.failover(3);
  await until('the load to follow the failover', async () => (load.counts().byNode[name(3)] ?? 0) > 0);

  cluster.pause(1);
  const paused = load.counts();
  await flowing(load, 500);
  const whilePaused = countsBetween(paused, load.counts());
  cluster.resume(1);
  assert.ok((whilePaused.byNode[name(2)] ?? 0) > 0, 'the others answer while one is paused');
  await until(
    'the paused one to answer again',
    async () => (load.counts().byNode[name(1)] ?? 0) > (paused.byNode[name(1)] ?? 0),
  );

  await cluster.kill(2);
  await until('the replica of the killed master to answer', async () => (load.counts().byNode[name(5)] ?? 0) > 0);
  await cluster.restart(2);
  const restarted = cluster.connect(2);
  t.after(() => restarted.disconnect());
  await until('the killed master to return as a replica', async () =>
    (await restarted.info('replication')).includes('role:slave'),
  );
  assert.ok(
    Object.values(load.counts().errors).some((n) => n > 0),
    'calls to a dead master are counted as errors',
  );
});

test('a sentinel reports the master and, when it is killed, its replica', async (t) => {
  const binary = await serverOrSkip(t, redis70);
  if (binary === undefined) return;
  const master = await startServer(binary);
  t.after(() => master.stop());
  const at = master.nodes[0];
  assert.ok(at !== undefined);
  const replica = await startServer(binary, { config: { replicaof: `${at.host} ${at.port}` } });
  t.after(() => replica.stop());
  const replicaLink = adminConnection(replica.nodes[0]?.port ?? 0);
  t.after(() => replicaLink.disconnect());
  await until('the replica to be in step', async () =>
    (await replicaLink.info('replication')).includes('master_link_status:up'),
  );
  const sentinel = await startSentinel(binary, at);
  t.after(() => sentinel.stop());
  const link = adminConnection(sentinel.nodes[0]?.port ?? 0);
  t.after(() => link.disconnect());
  const reported = async () => readStrings(await link.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'));
  assert.deepEqual(await reported(), [at.host, String(at.port)]);
  await until(
    'the sentinel to know the replica',
    async () => (await link.info('sentinel')).includes('slaves=1'),
    20_000,
  );
  await master.kill(0);
  await until(
    'the sentinel to report the replica',
    async () => (await reported())[1] === String(replica.nodes[0]?.port),
  );
});

test('a server that does not start says why in its own words, and leaves nothing', async (t) => {
  const binary = await serverOrSkip(t, valkey91);
  if (binary === undefined) return;
  const before = folders();
  await assert.rejects(
    startServer(binary, { config: { maxmemory: 'frog' } }),
    /did not start on port \d+[\s\S]*maxmemory/,
  );
  assert.deepEqual(folders(), before);
});

test('a parent that is killed takes its servers and files with it', async (t) => {
  const binary = await serverOrSkip(t, valkey91);
  if (binary === undefined) return;
  const module = new URL('../../src/tour/server.js', import.meta.url).href;
  const script = `
    const { startServer } = await import(${JSON.stringify(module)});
    const group = await startServer(${JSON.stringify(binary)}, {});
    group.pause(0);
    console.log(group.nodes[0].pid);
    setInterval(() => {}, 1000);`;
  const before = new Set(folders());
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => parent.kill('SIGKILL'));
  const [line] = await once(parent.stdout, 'data');
  const pid = Number(String(line));
  assert.ok(isAlive(pid));
  const added = folders().filter((folder) => !before.has(folder));
  assert.equal(added.length, 1);
  parent.kill('SIGKILL');
  await until('the server to end', async () => !isAlive(pid), 5_000);
  await until('its folder to go', async () => !existsSync(`${tmpdir()}/${added[0]}`), 5_000);
});

test('the tour tells its story on a real cluster and ends without a trace', async (t) => {
  const binary = await serverOrSkip(t, valkey91);
  if (binary === undefined) return;
  const before = folders();
  const lines: string[] = [];
  const [HOTSPOT_REDIS_SERVER = ''] = binary.command;
  const tour = await startTour({
    log: (line) => lines.push(line),
    signal: new AbortController().signal,
    env: { ...process.env, HOTSPOT_REDIS_SERVER },
    cacheDir: tmpdir(),
    hotMs: 100,
    quietMs: 50,
  });
  t.after(() => tour.stop());
  assert.equal(tour.seedUrls.length, 3);
  assert.match(tour.describe, /^Valkey 9\.1\.\d+, 3 masters/);
  await until('the story to begin again', async () => lines.length > 6);
  await tour.stop();
  const told = lines.length;
  for (const key of ['product:99', 'post:99:likes', 'user:beyonce']) {
    assert.ok(
      lines.some((line) => line.includes(key)),
      key,
    );
  }
  assert.deepEqual(folders(), before);
  assert.equal(lines.length, told);
});

async function loadedCluster(t: TestContext, get: () => Promise<ServerBinary>, replicasPerMaster: 0 | 1 = 0) {
  const binary = await serverOrSkip(t, get);
  if (binary === undefined) return {};
  const cluster = await startCluster(binary, { replicasPerMaster });
  t.after(() => cluster.stop());
  await prefill(cluster, background);
  return { cluster };
}
