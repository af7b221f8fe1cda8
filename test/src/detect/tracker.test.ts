/** The life of a hotspot: suspected, open, resolved, and everything that must not move it from one to the next. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hotspotId } from '../../../src/detect/tracker.ts';
import { Ticks } from '../../support/agent.ts';
import { absenceOf, evenCluster, keyOf, type NodeLoad, probeOf, readingOf } from '../../support/readings.ts';

const MINUTE_MS = 60_000;

/** Three masters of which `a` scores the given skew. */
function skewed(skew: number): Record<string, NodeLoad> {
  return { a: { calls: 5000 / (1 - skew) }, b: { calls: 5000 }, c: { calls: 5000 } };
}
const calm = readingOf(skewed(0));
const warm = readingOf(skewed(0.38));
const hot = readingOf(skewed(0.7));
const withoutA = { b: { calls: 5000 }, c: { calls: 5000 } };
const silentA = readingOf(withoutA, { absences: [absenceOf('a')] });
const warming = readingOf({}, { absences: ['a', 'b', 'c'].map((peer) => absenceOf(peer, 'warming', 'a first look')) });

test('suspected, open, resolved: each after its number of ticks', () => {
  const agent = new Ticks();
  const states = [calm, hot, hot, hot, calm, calm, calm, calm].map((reading) => {
    agent.tick(reading);
    return agent.state('a');
  });
  assert.deepEqual(states, ['none', 'suspected', 'open', 'open', 'open', 'open', 'resolved', 'resolved']);
  assert.equal(agent.tracker.hotspots.length, 1);
});

test('a single odd tick opens nothing, however often it comes', () => {
  const agent = new Ticks();
  for (let i = 0; i < 50; i++) {
    agent.tick(hot);
    assert.equal(agent.state('a'), 'suspected');
    agent.tick(i % 2 === 0 ? calm : warm);
    assert.equal(agent.state('a'), 'none');
  }
});

test('an open hotspot does not flap: between the two thresholds it stays, and a calm tick or two are forgiven', () => {
  const agent = new Ticks();
  agent.ticks(2, hot);
  agent.ticks(20, warm);
  assert.equal(agent.state('a'), 'open');
  for (let i = 0; i < 10; i++) {
    agent.ticks(2, calm);
    agent.tick(i % 2 === 0 ? warm : hot);
    assert.equal(agent.state('a'), 'open');
  }
  agent.ticks(3, calm);
  assert.equal(agent.state('a'), 'resolved');
});

for (const [name, reading] of [
  ['the peer is absent', silentA],
  ['every group is warming', warming],
  ['most of the fleet is absent', readingOf({ a: { calls: 9000 } }, { absences: [absenceOf('b'), absenceOf('c')] })],
  [
    'the whole scope is absent',
    readingOf({}, { absences: [{ scope: 'masters', code: 'timeout', reason: 'no answer' }] }),
  ],
  ['only the topology has it', readingOf(withoutA, { topology: evenCluster(3) })],
] as const) {
  test(`${name}: neither opens nor resolves anything`, () => {
    const open = new Ticks();
    open.ticks(2, hot);
    open.ticks(30, reading);
    assert.equal(open.state('a'), 'open');

    const suspected = new Ticks();
    suspected.tick(hot);
    suspected.ticks(30, reading);
    assert.equal(suspected.state('a'), 'suspected');

    const untouched = new Ticks();
    untouched.ticks(30, reading);
    assert.equal(untouched.state('a'), 'none');
  });
}

test('what is unknown in between does not undo what was seen', () => {
  const agent = new Ticks();
  agent.tick(hot);
  agent.tick(silentA);
  agent.tick(hot);
  assert.equal(agent.state('a'), 'open');
  for (const reading of [calm, silentA, calm, silentA]) agent.tick(reading);
  assert.equal(agent.state('a'), 'open');
  agent.tick(calm);
  assert.equal(agent.state('a'), 'resolved');
});

test('a window too short to tell does not refute a suspicion', () => {
  const agent = new Ticks();
  const twice = { a: { calls: 600 }, b: { calls: 200 }, c: { calls: 200 } };
  agent.tick(readingOf(twice));
  assert.equal(agent.state('a'), 'suspected');
  // 60 events of a hot peer: within the noise.
  agent.ticks(3, readingOf(twice, { windowMs: 100 }));
  assert.equal(agent.state('a'), 'suspected');
  agent.tick(readingOf(twice));
  assert.equal(agent.state('a'), 'open');
  agent.ticks(3, readingOf({ a: { calls: 200 }, b: { calls: 200 }, c: { calls: 200 } }, { windowMs: 1000 }));
  assert.equal(agent.state('a'), 'resolved');
});

test('an open hotspot is marked calm from its first calm tick until it is warm again', () => {
  const agent = new Ticks();
  agent.ticks(2, hot);
  const marks = [calm, silentA, warm, calm, hot, calm].map((reading) => {
    agent.tick(reading);
    return agent.hotspot('a')?.calm;
  });
  assert.deepEqual(marks, [true, true, false, true, false, true]);
});

test('a peer that left the target resolves; a mere suspicion of it goes', () => {
  const agent = new Ticks();
  agent.ticks(2, hot);
  agent.ticks(2, readingOf(withoutA));
  assert.equal(agent.state('a'), 'open');
  agent.tick(readingOf(withoutA));
  assert.equal(agent.state('a'), 'resolved');

  const suspected = new Ticks();
  suspected.tick(hot);
  suspected.tick(readingOf(withoutA));
  assert.equal(suspected.state('a'), 'none');
});

test('resolve and reopen keep the id; the reopened one begins anew', () => {
  const agent = new Ticks();
  agent.ticks(2, hot);
  const first = agent.hotspot('a');
  agent.attach('a', probeOf([keyOf('product:99', 0.6)]));
  agent.ticks(3, calm);
  agent.ticks(2, hot);
  const second = agent.hotspot('a');
  assert.ok(first && second);
  assert.equal(second.id, first.id);
  assert.equal(second.state, 'open');
  assert.ok(second.since > first.since);
  assert.equal(second.probe, undefined, 'keys of an earlier event are no evidence for this one');
  assert.equal(agent.tracker.hotspots.length, 1);
});

test('a suspicion that lapses leaves the resolved hotspot it took the place of', () => {
  const agent = new Ticks();
  agent.ticks(2, hot);
  agent.ticks(3, calm);
  const resolved = agent.hotspot('a');
  agent.tick(hot);
  assert.equal(agent.state('a'), 'suspected');
  agent.tick(calm);
  assert.deepEqual(agent.hotspot('a'), resolved);
});

test('ids are the same over restarts, and differ by target, scope and peer', () => {
  const before = new Ticks();
  before.ticks(2, hot);
  const after = new Ticks();
  after.ticks(2, hot);
  assert.equal(after.hotspot('a')?.id, before.hotspot('a')?.id);
  assert.equal(before.hotspot('a')?.id, hotspotId('shop', 'masters', 'a'));

  const ids = ['shop', 'shopm', ''].flatMap((target) =>
    ['masters', 'asters', ''].flatMap((scope) => ['a', 'ab', ''].map((peer) => hotspotId(target, scope, peer))),
  );
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[0-9a-f]{12}$/);
});

test('CPU, calls and bytes of one peer are one hotspot; two hot peers are two', () => {
  const agent = new Ticks();
  const busy = { calls: 20_000, cpu: 0.9, bytes_out: 5e7 };
  const idle = { calls: 2000, cpu: 0.1, bytes_out: 2e6 };
  const { findings } = agent.ticks(2, readingOf({ a: busy, b: idle, c: idle, d: idle }));
  assert.equal(findings.length, 1);
  assert.deepEqual(
    findings[0]?.signals.map(({ resource }) => resource),
    ['cpu', 'calls', 'bytes_out'],
  );
  const two = new Ticks();
  assert.equal(two.ticks(2, readingOf({ a: busy, b: busy, c: idle, d: idle, e: idle, f: idle })).findings.length, 2);
});

test('a symptom alone opens nothing', () => {
  const agent = new Ticks();
  const load = { calls: 5000, latency_p99: 0.001 };
  agent.ticks(5, readingOf({ a: { ...load, latency_p99: 0.5 }, b: load, c: load }));
  assert.deepEqual(agent.tracker.hotspots, []);
});

const even = { calls: 5000, cpu: 0.3 };
const evenNodes = { a: even, b: even, c: even };

test('slots never open by skew: they refine the hotspot of their master', () => {
  const slots = [
    { slot: 7, owner: 'a', cpu: 0.5 },
    { slot: 8, owner: 'a', cpu: 0.001 },
    { slot: 9000, owner: 'b', cpu: 0.001 },
  ];
  const agent = new Ticks();
  const { signals } = agent.ticks(5, readingOf(evenNodes, { slots }));
  assert.ok((signals.find(({ scope }) => scope.name === 'slots')?.skew ?? 0) > 0.9);
  assert.deepEqual(agent.tracker.hotspots, []);

  const { findings } = agent.ticks(2, readingOf({ ...evenNodes, a: { calls: 30_000, cpu: 0.9 } }, { slots }));
  assert.deepEqual(
    findings.map(({ scope, peer }) => [scope, peer]),
    [['masters', 'a']],
  );
  const refined = findings[0]?.signals.find(({ scope }) => scope === 'slots');
  assert.deepEqual(
    refined?.hottest.map(({ peer }) => peer),
    ['7', '8'],
    'the slots of the hot master only, hottest first',
  );
});

test('one slot near the limit of its master opens the master, not the slot', () => {
  const agent = new Ticks({ openPressure: 0.8 });
  const { findings } = agent.ticks(2, readingOf(evenNodes, { slots: [{ slot: 7, owner: 'b', cpu: 0.85 }] }));
  assert.deepEqual(
    findings.map(({ scope, peer, state }) => [scope, peer, state]),
    [['masters', 'b', 'open']],
  );
  agent.ticks(3, readingOf(evenNodes, { slots: [{ slot: 7, owner: 'b', cpu: 0.4 }] }));
  assert.equal(agent.state('b'), 'resolved');
});

test('a pressure threshold of 0 (a scan) lets lone nodes in and says nothing of slots', () => {
  const agent = new Ticks({ openPressure: 0, openAfterTicks: 1 });
  agent.ticks(2, readingOf(evenNodes, { slots: [{ slot: 7, owner: 'b', cpu: 0.01 }] }));
  assert.deepEqual(agent.tracker.hotspots, []);
  agent.tick(readingOf({ a: { cpu: 0.01, calls: 200 } }));
  assert.equal(agent.state('a'), 'suspected');
});

const lone = readingOf({ a: { calls: 50_000, cpu: 0.9 } });

test('a lone node near its limit is suspected, and opens only once a key is known to make its load', () => {
  const agent = new Ticks();
  agent.ticks(20, lone);
  assert.equal(agent.state('a'), 'suspected');
  agent.attach('a', probeOf([{ key: 'k', share: 0.6, low: 0.05, high: 0.9, evidence: 'a guess' }]));
  agent.ticks(5, lone);
  assert.equal(agent.state('a'), 'suspected', 'a share that may be small is no explanation');
  agent.attach('a', probeOf([keyOf('k', 0.6)]));
  agent.tick(lone);
  assert.equal(agent.state('a'), 'suspected');
  agent.tick(lone);
  assert.equal(agent.state('a'), 'open');
});

test('a lone node resolves when a later probe finds no such key, or its pressure falls', () => {
  for (const later of [probeOf([keyOf('k', 0.05)]), probeOf([])]) {
    const agent = new Ticks();
    agent.tick(lone);
    agent.attach('a', probeOf([keyOf('k', 0.6)]));
    agent.ticks(2, lone);
    assert.equal(agent.state('a'), 'open');
    agent.attach('a', later);
    agent.ticks(3, lone);
    assert.equal(agent.state('a'), 'resolved');
  }
  const relieved = new Ticks();
  relieved.tick(lone);
  relieved.attach('a', probeOf([keyOf('k', 0.6)]));
  relieved.ticks(2, lone);
  relieved.ticks(3, readingOf({ a: { calls: 50_000, cpu: 0.3 } }));
  assert.equal(relieved.state('a'), 'resolved');
});

test('a later probe that cannot rank the keys does not refute the one that could, unless the key is gone', () => {
  const unranked = absenceOf('a', 'warming', '2 keys are too hot to be ranked');
  const bounded = (key: string) => ({ key, low: 0, high: 1, evidence: 'at the ceiling' });
  const agent = new Ticks();
  agent.tick(hot);
  agent.attach('a', probeOf([keyOf('k', 0.6)]));
  agent.attach('a', probeOf([bounded('other'), bounded('k')], [unranked]));
  assert.equal(agent.hotspot('a')?.probe?.keys[0]?.share, 0.6);
  agent.attach('a', probeOf([bounded('other')], [unranked]));
  assert.equal(agent.hotspot('a')?.probe?.keys[0]?.key, 'other');
});

test('a probe that could not see does not erase the names of an earlier one, but says why it could not', () => {
  const agent = new Ticks();
  agent.tick(lone);
  agent.attach('a', probeOf([keyOf('k', 0.6)]));
  const spent = { scope: 'keys', peer: 'a', code: 'budget', reason: 'the budget is spent' } as const;
  agent.attach('a', probeOf([], [spent]));
  assert.deepEqual(
    agent.hotspot('a')?.probe?.keys.map(({ key }) => key),
    ['k'],
  );
  assert.deepEqual(agent.hotspot('a')?.probe?.absences, [spent]);
  agent.tracker.attach('no such id', probeOf([]), agent.now);
});

test('a resolved hotspot leaves the list after 15 minutes', () => {
  const agent = new Ticks();
  agent.ticks(2, hot);
  agent.ticks(2, calm);
  agent.tick(calm, 15 * MINUTE_MS);
  assert.equal(agent.state('a'), 'resolved');
  agent.tick(calm, 1);
  assert.equal(agent.state('a'), 'resolved');
  agent.tick(calm);
  assert.equal(agent.state('a'), 'none');
});

test('peers that come and go leave nothing behind', () => {
  const agent = new Ticks();
  for (let generation = 0; generation < 500; generation++) {
    const name = (node: string) => `${node}-${generation}`;
    const fleet = { [name('a')]: { calls: 20_000 }, [name('b')]: { calls: 2000 }, [name('c')]: { calls: 2000 } };
    agent.tick(readingOf(fleet), MINUTE_MS);
    agent.tick(readingOf(fleet), MINUTE_MS);
    // Resolved after three ticks and shown for 15 minutes more: one opens every two.
    assert.ok(agent.tracker.hotspots.length <= 12, `${agent.tracker.hotspots.length} at ${generation}`);
  }
  for (let i = 0; i < 20; i++) agent.tick(calm, MINUTE_MS);
  assert.deepEqual(agent.tracker.hotspots, []);
});

test('new thresholds count from the next tick; what is open stays open until they resolve it', () => {
  const agent = new Ticks();
  agent.ticks(2, hot);
  agent.tracker.thresholds = { ...agent.tracker.thresholds, openSkew: 0.9, resolveSkew: 0.6 };
  agent.ticks(10, hot);
  assert.equal(agent.state('a'), 'open');
  agent.tracker.thresholds = { ...agent.tracker.thresholds, resolveSkew: 0.8, resolveAfterTicks: 1 };
  agent.tick(hot);
  assert.equal(agent.state('a'), 'resolved');
  agent.ticks(5, hot);
  assert.equal(agent.state('a'), 'resolved');
  agent.tracker.thresholds = { ...agent.tracker.thresholds, openSkew: 0.5, openAfterTicks: 1 };
  agent.tick(hot);
  assert.equal(agent.state('a'), 'open');
});
