/**
 * A lone server has no peers to be compared with: its limit is the way in, and a key that makes its load the finding.
 * Standalone with the eviction policy of the installation, and behind Sentinel; a MONITOR burst is allowed.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startSentinel } from '../../src/tour/cluster.ts';
import { type ServerGroup, startServer } from '../../src/tour/server.ts';
import { redis70, serverOrSkip } from './support/binaries.ts';
import { assertNamed, HOT_COUNTER, HOT_READ, openOf, RATE, startScenario, ZIPF } from './support/scenario.ts';

/** So that the load of the test is near a limit on any machine. */
const limits = { callsPerSecond: RATE };
const BALANCED_POLLS = 6;

for (const shape of ['standalone', 'behind Sentinel'] as const) {
  test(`${shape}: Zipf at its limit opens nothing; a hot key and a hot counter are named and told apart`, async (t) => {
    const started = await start(t, shape);
    if (started === undefined) return;
    const settings = { ...started.settings, limits, probe: { monitor: true, repeatMs: 4000 } };
    const { watched, load, hot, calm } = await startScenario(t, started.server, { ...started.urls, settings });

    const balanced = await watched.morePolls(BALANCED_POLLS);
    assert.equal(balanced.totals.hotspotsOpened, 0);
    const suspected = balanced.findings.find(({ state }) => state === 'suspected');
    assert.equal(suspected?.cause.id, 'undetermined', 'it is near its limit, and no key is to blame');
    assert.ok(
      balanced.signals.every(({ skew }) => skew === undefined),
      'a lone peer has no skew',
    );

    const read = await hot(HOT_READ);
    assert.equal(read.finding.cause.id, 'hot_read_key');
    assertNamed({ ...read, pollsToOpen: 1 }, HOT_READ, load);
    assert.match(read.finding.keys[0]?.evidence ?? '', /MONITOR burst of \d+ commands/);
    assert.ok((read.finding.keys[0]?.reads ?? 0) > 0.99);
    assert.deepEqual(
      read.finding.recommendations.map(({ mitigation }) => mitigation),
      ['local_cache'],
      'copies would stay on the same server',
    );
    await calm(read.finding.id);

    const counter = await hot(HOT_COUNTER);
    assert.equal(counter.finding.cause.id, 'hot_counter');
    assertNamed({ ...counter, pollsToOpen: 1 }, HOT_COUNTER, load);
    assert.ok((counter.finding.keys[0]?.increments ?? 0) > 0.99);
    assert.equal(counter.finding.recommendations[0]?.mitigation, 'write_coalescing');
    await calm(counter.finding.id);
  });
}

test('standalone as it is installed, nothing allowed: the hot key is named all the same, with bounds that hold', async (t) => {
  const binary = await serverOrSkip(t, redis70);
  if (binary === undefined) return;
  const server = await startServer(binary);
  t.after(() => server.stop());
  const { watched, load } = await startScenario(t, server, { settings: { limits } });
  await load.set([ZIPF, { ...HOT_READ, share: 0.6 }]);
  const status = await watched.until(
    'product:99 to be named',
    ({ findings }) => findings.some(({ keys }) => keys[0]?.key === HOT_READ.key),
    { withinMs: 90_000 },
  );
  const [finding] = status.findings;
  const [key] = finding?.keys ?? [];
  assert.match(key?.evidence ?? '', /idle times after ticks/);
  assert.ok(key !== undefined && key.low <= 0.62 && key.high >= 0.58, JSON.stringify(key));
  assert.equal(openOf(status) === undefined || openOf(status)?.keys[0]?.key === HOT_READ.key, true);
});

interface Started {
  readonly server: ServerGroup;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly urls: { readonly urls?: readonly string[] };
}

async function start(t: TestContext, shape: 'standalone' | 'behind Sentinel'): Promise<Started | undefined> {
  const binary = await serverOrSkip(t, redis70);
  if (binary === undefined) return undefined;
  const server = await startServer(binary);
  t.after(() => server.stop());
  const [node] = server.nodes;
  assert.ok(node);
  if (shape === 'standalone') return { server, settings: {}, urls: {} };
  const sentinels = await startSentinel(binary, node, { name: 'shop' });
  t.after(() => sentinels.stop());
  return {
    server,
    settings: { mode: 'sentinel', sentinel: { name: 'shop' } },
    urls: { urls: sentinels.nodes.map(({ url }) => url) },
  };
}
