/** What a scrape gets for a fixed view: the golden text, both formats, and what must never be in it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createMetrics } from '../../../src/expose/metrics.ts';
import { MAX_HOTSPOTS } from '../../../src/expose/series.ts';
import type { TargetStatus } from '../../../src/model.ts';
import { CALLS, DOWN, FINDING, HOSTILE_KEY, MEMORY, peerLoads, SHOP, sampleView } from './sample-view.ts';

const LIMITS = { topPeers: 2, topKeys: 10 };
const OPENMETRICS =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const GOLDEN = new URL('../../../../test/fixtures/metrics.golden.txt', import.meta.url);

/** Our own lines: those of the process differ from run to run, and so does the version of Node. */
function ownLines(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => /^(# (HELP|TYPE) )?hotspot_/.test(line))
    .map((line) => line.replace(`node="${process.versions.node}"`, 'node="N"'));
}

function series(text: string): readonly string[] {
  return ownLines(text).filter((line) => !line.startsWith('#'));
}

test('the text of a fixed view is the golden one', async () => {
  const text = `${ownLines(await createMetrics(sampleView(), LIMITS).render(undefined)).join('\n')}\n`;
  // `UPDATE_GOLDEN=1` writes the file anew; read the difference before keeping it.
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(GOLDEN, text);
  assert.equal(text, readFileSync(GOLDEN, 'utf8'));
});

test('process metrics are there, without the gauges that are named like counters', async () => {
  const text = await createMetrics(sampleView(), LIMITS).render(undefined);
  assert.match(text, /^process_cpu_seconds_total \d/m);
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
  assert.doesNotMatch(text, /^nodejs_active_\w+_total/m);
});

test('the Accept header chooses the format', () => {
  const metrics = createMetrics(sampleView(), LIMITS);
  const plain = 'text/plain; version=0.0.4; charset=utf-8';
  const open = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
  for (const [accept, expected] of [
    [undefined, plain],
    ['', plain],
    ['*/*', plain],
    ['text/html', plain],
    [OPENMETRICS, open],
    ['application/openmetrics-text', open],
    ['Application/OpenMetrics-Text; Version=1.0.0', open],
    ['application/openmetrics-text;q=0', plain],
    ['application/openmetrics-text;q=0.1,text/plain;q=0.9', plain],
    ['application/openmetrics-text;q=rubbish', plain],
  ] as const) {
    assert.equal(metrics.contentType(accept), expected, String(accept));
  }
});

test('OpenMetrics ends with # EOF and puts _total on samples only; plain text after it is unharmed', async () => {
  const metrics = createMetrics(sampleView(), LIMITS);
  const before = await metrics.render(undefined);
  const [open, plain] = await Promise.all([metrics.render(OPENMETRICS), metrics.render('text/plain')]);
  assert.ok(open.endsWith('\n# EOF\n'));
  assert.match(open, /^# TYPE hotspot_polls counter$/m);
  assert.match(open, /^hotspot_polls_total\{target="shop",system="redis",outcome="ok"\} 7$/m);
  assert.doesNotMatch(open, /_total_total|^# TYPE \w+_total /m);
  assert.ok(!open.includes('\n\n'), 'OpenMetrics has no empty lines');
  assert.match(plain, /^# TYPE hotspot_polls_total counter$/m);
  assert.doesNotMatch(plain, /EOF/);
  assert.deepEqual(ownLines(plain), ownLines(before));
  assert.deepEqual(series(open), series(plain));
});

test('a vanished peer, hotspot and target vanish', async () => {
  const view = sampleView();
  const metrics = createMetrics(view, LIMITS);
  const before = await metrics.render(undefined);
  for (const word of ['10.0.0.1:6379', 'a1b2c3d4', 'target="orders"']) assert.ok(before.includes(word), word);

  const peers = CALLS.peers.filter(({ peer }) => peer !== '10.0.0.1:6379');
  view.statuses = [{ ...SHOP, signals: [{ ...CALLS, peers }], findings: [] }];
  const after = await metrics.render(undefined);
  for (const word of ['10.0.0.1:6379', 'a1b2c3d4', 'target="orders"']) assert.ok(!after.includes(word), word);
  assert.ok(after.includes('10.0.0.2:6379'));
  assert.match(after, /^hotspot_hotspots\{target="shop",system="redis",state="open"\} 0$/m);
});

test('totals are set, not added up, by one scrape after the other', async () => {
  const metrics = createMetrics(sampleView(), LIMITS);
  const first = await metrics.render(undefined);
  assert.deepEqual(series(await metrics.render(undefined)), series(first));
});

test('a hostile key stays within its label value', async () => {
  const text = await createMetrics(sampleView(), LIMITS).render(undefined);
  const lines = series(text).filter(
    (line) => line.startsWith('hotspot_key_share_high_ratio') && line.includes('script'),
  );
  assert.equal(lines.length, 1);
  const [, escaped = ''] = /key="((?:[^"\\]|\\.)*)"\} 0\.1$/.exec(lines[0] ?? '') ?? [];
  const value = escaped.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
  assert.equal(value, HOSTILE_KEY);
});

test('an undecided group has a reason and no skew', async () => {
  const lines = series(await createMetrics(sampleView(), LIMITS).render(undefined));
  const memory = lines.filter((line) => line.includes('resource="memory"'));
  assert.ok(memory.some((line) => /^hotspot_skew_undecided\{.*reason="idle"\} 1$/.test(line)));
  assert.ok(!memory.some((line) => /^hotspot_(skew_ratio|skew_per_part_ratio|pressure_ratio)/.test(line)));
  assert.ok(!lines.some((line) => /^hotspot_skew_undecided\{.*resource="calls"/.test(line)));
});

test('a failed target is down, with the kind, and shows neither old signals nor a count of hotspots', async () => {
  const lines = series(await createMetrics(sampleView([DOWN]), LIMITS).render(undefined));
  assert.ok(lines.includes('hotspot_target_up{target="orders",system="redis"} 0'));
  assert.ok(lines.includes('hotspot_target_error{target="orders",system="redis",code="unauthenticated"} 1'));
  assert.ok(!lines.some((line) => /^hotspot_(skew|peer|group|pressure|hotspots)/.test(line)));
});

test('what is not a number is absent', async () => {
  const signal = { ...CALLS, skew: Number.NaN, pressure: Number.POSITIVE_INFINITY };
  const lines = series(await createMetrics(sampleView([{ ...SHOP, signals: [signal] }]), LIMITS).render(undefined));
  assert.ok(!lines.some((line) => /^hotspot_(skew_ratio|pressure_ratio)/.test(line)));
  assert.ok(lines.some((line) => line.startsWith('hotspot_peers{')));
});

test('the rest of the peers is summed for counts and only counted for levels', async () => {
  const lines = series(await createMetrics(sampleView(), LIMITS).render(undefined));
  const group = (resource: string) => `target="shop",system="redis",scope="masters",resource="${resource}"`;
  assert.ok(lines.includes(`hotspot_peer_calls_per_second{${group('calls')},peer="other"} 1000`));
  assert.ok(lines.includes(`hotspot_peers_left_out{${group('memory')}} 1`));
  assert.ok(!lines.some((line) => line.includes('resource="memory"') && line.includes('peer="other"')));
});

test('a peer called "other" is not taken for the rest', async () => {
  const [first, ...rest] = CALLS.peers;
  assert.ok(first !== undefined);
  const signal = { ...CALLS, peers: [{ ...first, peer: 'other' }, ...rest] };
  const lines = series(await createMetrics(sampleView([{ ...SHOP, signals: [signal] }]), LIMITS).render(undefined));
  const loads = lines.filter((line) => /^hotspot_peer_calls_per_second\{.*other/.test(line));
  assert.deepEqual(
    loads.map((line) => line.slice(line.indexOf('peer='))),
    ['peer="\\"other\\""} 7500', 'peer="other"} 1000'],
  );
});

test('two keys that redaction gives one name make one series, of the hotter', async () => {
  const keys = [0.5, 0.2].map((share) => ({ key: 'user:…', share, low: share, high: share, evidence: 'LFU' }));
  const status: TargetStatus = { ...SHOP, findings: [{ ...FINDING, keys }] };
  const lines = series(await createMetrics(sampleView([status]), LIMITS).render(undefined));
  const shares = lines.filter((line) => line.startsWith('hotspot_key_share_ratio'));
  assert.deepEqual(shares, ['hotspot_key_share_ratio{target="shop",id="a1b2c3d4",key="user:…"} 0.5']);
});

test('each hotspot has exactly one info series', async () => {
  const lines = series(await createMetrics(sampleView(), LIMITS).render(undefined));
  const infos = lines.filter((line) => line.startsWith('hotspot_finding_info'));
  assert.equal(infos.length, 2);
  assert.ok(infos.some((line) => /id="a1b2c3d4".*mitigation="key_replication",key="product:99"/.test(line)));
  assert.ok(infos.some((line) => /id="e5f6".*mitigation="",key=""/.test(line)));
});

test('the number of series is bounded for 16,384 peers, 1,000 keys and 1,000 hotspots', async () => {
  const peers = peerLoads(Array.from({ length: 16_384 }, (_, index) => 20_000 - index));
  const keys = Array.from({ length: 1000 }, (_, index) => ({
    key: `k${index}`,
    share: 0,
    low: 0,
    high: 0,
    evidence: '',
  }));
  const findings = Array.from({ length: 1000 }, (_, index) => ({ ...FINDING, id: `id${index}`, keys }));
  const slots = { name: 'slots', grain: 'fine', ownedBy: 'masters' } as const;
  const signals = [
    { ...CALLS, scope: slots, peers },
    { ...MEMORY, scope: slots, peers },
  ];
  const limits = { topPeers: 20, topKeys: 10 };
  const text = await createMetrics(sampleView([{ ...SHOP, signals, findings }]), limits).render(undefined);
  const lines = series(text);
  const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
  assert.equal(count(/^hotspot_peer_calls_per_second/), 21);
  assert.equal(count(/^hotspot_peer_bytes/), 20);
  assert.equal(count(/^hotspot_open\{/), MAX_HOTSPOTS);
  assert.equal(count(/^hotspot_key_share_ratio/), MAX_HOTSPOTS * 10);
  assert.ok(lines.includes('hotspot_hotspots{target="shop",system="redis",state="open"} 1000'));
  assert.ok(lines.length < 5000, `${lines.length} series`);
});
