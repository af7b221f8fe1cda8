/** On a cluster of each server: Zipf opens nothing; a hot read key and a hot counter are found, named and told apart. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { slotOf } from '../../src/recommend/slots.ts';
import { startCluster, type TestCluster } from '../../src/tour/cluster.ts';
import type { ServerBinary } from '../../src/tour/serverCache.ts';
import { pollsOf, seriesOf, type Watched } from './support/agent.ts';
import { redis70, redis86, serverOrSkip, valkey91 } from './support/binaries.ts';
import { assertNamed, HOT_COUNTER, HOT_READ, openOf, startScenario } from './support/scenario.ts';

interface Server {
  readonly name: string;
  readonly get: () => Promise<ServerBinary>;
  readonly config?: Readonly<Record<string, string>>;
  readonly replicas?: 0 | 1;
  /** What must have named the key. */
  readonly evidence: RegExp;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** More to hold while nothing is hot, and while a key is. */
  readonly whileBalanced?: (watched: Watched) => Promise<void>;
  readonly whileHot?: (watched: Watched) => Promise<void>;
}

const SERVERS: readonly Server[] = [
  { name: 'Redis 7.0 as it is installed, with replicas', get: redis70, replicas: 1, evidence: /idle times/ },
  {
    name: 'Valkey 9.1 with slot statistics',
    get: valkey91,
    config: { 'cluster-slot-stats-enabled': 'yes' },
    evidence: /slot \d+ with/,
    whileHot: holdStructure,
  },
  {
    name: 'Redis 7.0 with an LFU policy, with replicas',
    get: redis70,
    replicas: 1,
    config: { 'maxmemory-policy': 'allkeys-lfu', maxmemory: '500mb' },
    evidence: /OBJECT FREQ/,
    settings: { probe: { surveyMs: 3000 } },
    whileBalanced: holdStandingKeys,
  },
  { name: 'Redis 8.6 with HOTKEYS', get: redis86, evidence: /HOTKEYS session/ },
];

const BALANCED_POLLS = 8;

for (const server of SERVERS) {
  test(`${server.name}: Zipf opens nothing; a hot key and a hot counter are found, named and told apart`, async (t) => {
    const cluster = await clusterOf(t, server);
    if (cluster === undefined) return;
    const { settings = {} } = server;
    const { watched, load, hot, calm } = await startScenario(t, cluster, { settings });

    const balanced = await watched.morePolls(BALANCED_POLLS);
    assert.equal(balanced.totals.hotspotsOpened, 0);
    assert.equal(openOf(balanced), undefined);

    await server.whileBalanced?.(watched);

    const read = await hot(HOT_READ);
    await server.whileHot?.(watched);
    assertNamed(read, HOT_READ, load);
    assert.equal(read.finding.cause.id, 'hot_read_key');
    assert.match(read.finding.keys[0]?.evidence ?? '', server.evidence);
    const offered = read.finding.recommendations.map(({ mitigation }) => mitigation);
    assert.deepEqual(offered, ['local_cache', 'key_replication']);
    assertDistinctMasters(cluster, 'product:99', read.finding.recommendations[1]?.parameters['suffixes']);
    await calm(read.finding.id);

    const counter = await hot(HOT_COUNTER);
    assertNamed(counter, HOT_COUNTER, load);
    assert.equal(counter.finding.cause.id, 'hot_counter');
    const [first] = counter.finding.recommendations;
    assert.equal(first?.mitigation, 'sharded_counter');
    assertDistinctMasters(cluster, 'post:99:likes', first.parameters['suffixes']);
    assert.ok((first.expected.skew ?? 1) < 0.3);
    await calm(counter.finding.id);

    const { totals } = watched.status();
    assert.equal(totals.hotspotsOpened, 2, 'one event is one hotspot');
    assert.equal(totals.hotspotsResolved, 2);
    assert.ok(totals.poll.commands > 0 && totals.poll.bytesReceived > 0 && totals.probe.commands > 0);
    assert.equal(totals.polls.failed, 0, `of ${pollsOf(totals)} polls`);
  });
}

test('unevenly owned slots are told from a hot key, with the slots to move', async (t) => {
  for (const server of SERVERS.filter(({ config }) => config?.['maxmemory-policy'] === undefined)) {
    await t.test(server.name, async (own) => {
      const slots = [[[0, 9999]], [[10_000, 12_999]], [[13_000, 16_383]]] as const;
      const cluster = await clusterOf(own, { ...server, replicas: 0 }, slots);
      if (cluster === undefined) return;
      // Flat, so that only the placement is uneven.
      const background = { kind: 'background', keys: 50_000, exponent: 0.5, readRatio: 0.8, valueBytes: 100 } as const;
      const { watched } = await startScenario(own, cluster, { background });
      const status = await watched.until(
        'uneven placement to be found',
        (seen) => openOf(seen)?.cause.id === 'uneven_placement',
        { withinMs: 90_000 },
      );
      const finding = openOf(status);
      const [first] = finding?.recommendations ?? [];
      assert.equal(first?.mitigation, 'rebalance_slots');
      assert.ok((first.expected.skew ?? 1) < 0.05, 'even after the move');
      assert.match(first.apply, /--cluster-slots \d+/);
      assert.equal(finding?.peer, `127.0.0.1:${cluster.nodes[0]?.port}`);
    });
  }
});

/** The slow schedule names the most used keys of each master with no hotspot in sight. */
async function holdStandingKeys(watched: Watched): Promise<void> {
  const { standingKeys } = await watched.until(
    'the keys of each master',
    (status) => status.standingKeys.length === 3,
    {
      withinMs: 90_000,
    },
  );
  for (const { keys } of standingKeys) {
    assert.ok(keys.length > 0 && keys.every(({ key, low, high }) => /^item:\d+$/.test(key) && low <= high));
    assert.match(keys[0]?.evidence ?? '', /OBJECT FREQ twice over all/);
  }
  const series = seriesOf(await watched.metrics(), 'hotspot_standing_key_share_low_ratio');
  assert.ok(series.length >= 3, series.join('\n'));
}

/** There or not from one poll to the next. */
const PASSING: ReadonlySet<string> = new Set(['hotspot_skew_undecided', 'hotspot_absences', 'hotspot_suspected']);
const STRUCTURE = fileURLToPath(new URL('../../../test/fixtures/metrics.structure.txt', import.meta.url));

/** The names and labels of what a real cluster with a hot key exports: what alerts and dashboards are built on. */
async function holdStructure(watched: Watched): Promise<void> {
  const names = new Set<string>();
  for (const line of (await watched.metrics()).split('\n')) {
    const [, name, labels = ''] = /^(hotspot_\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    const keys = [...labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, key]) => key);
    if (name !== undefined && !PASSING.has(name)) names.add(`${name}{${keys.join(',')}}`);
  }
  const structure = `${[...names].sort().join('\n')}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(STRUCTURE, structure);
  assert.equal(structure, readFileSync(STRUCTURE, 'utf8'), 'UPDATE_GOLDEN=1 writes it anew');
}

async function clusterOf(
  t: TestContext,
  { get, config = {}, replicas = 0 }: Server,
  slots?: readonly (readonly (readonly [number, number])[])[],
): Promise<TestCluster | undefined> {
  const binary = await serverOrSkip(t, get);
  if (binary === undefined) return undefined;
  const cluster = await startCluster(binary, {
    replicasPerMaster: replicas,
    config,
    ...(slots !== undefined && { slots }),
  });
  t.after(() => cluster.stop());
  return cluster;
}

/** By the slot ranges that the cluster was started with: a third each. */
function assertDistinctMasters(cluster: TestCluster, key: string, suffixes: unknown): void {
  assert.ok(Array.isArray(suffixes) && suffixes.length >= 2, JSON.stringify(suffixes));
  const thirds = suffixes.map((suffix) => Math.floor((slotOf(`${key}:${String(suffix)}`) * 3) / 16_384));
  assert.equal(new Set(thirds).size, suffixes.length, `${thirds.join()} of ${cluster.nodes.length} nodes`);
}
