/** The loop of one target with time that passes only where it sleeps or its collector takes it. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { Failure } from '../../collectors/index.ts';
import type { Change } from '../../src/changes.ts';
import type { Clock } from '../../src/clock.ts';
import { loadConfig, type TargetConfig } from '../../src/config.ts';
import { HotspotTracker } from '../../src/detect/tracker.ts';
import type { Collector, HotspotRef, ProbeResult, Reading } from '../../src/model.ts';
import { TargetLoop } from '../../src/target-loop.ts';
import { absenceOf, DEFAULTS, evenCluster, keyOf, probeOf, readingOf } from '../support/readings.ts';

const MINUTE = 60_000;
const KEY = 'product:secret-name';
const PROBE_MS = 5000;
const topology = evenCluster(8);
const idle = { calls: 5000, cpu: 0.1, reads: 5000, writes: 0, increments: 0 };
const busy = { calls: 25_000, cpu: 0.5, reads: 25_000, writes: 0, increments: 0 };
const even = { a: idle, b: idle, c: idle, d: idle, e: idle, f: idle, g: idle, h: idle };
const calm = readingOf(even, { topology });
const hot = readingOf({ ...even, a: busy }, { topology });
const hotTwice = readingOf({ ...even, a: busy, b: busy }, { topology });
const { a: _, ...others } = even;
const silent = readingOf(others, { topology, absences: [absenceOf('a', 'timeout')] });
const named = () => probeOf([keyOf(KEY, 0.78)]);

class Scene {
  readonly changes: Change[] = [];
  readonly failures: string[] = [];
  readonly pauses: number[] = [];
  readonly probes: { readonly peer: string; readonly at: number }[] = [];
  readonly tracker = new HotspotTracker('shop', DEFAULTS);
  config: TargetConfig;
  /** On the loop's signal, while it sleeps for the last time. */
  listeners: number | undefined;
  now = 0;
  poll: () => Reading = () => hot;
  probe: (hotspot: HotspotRef) => ProbeResult = named;
  #ends = { at: 0, stop: new AbortController() };

  constructor(settings = '') {
    const text = `targets: [{ name: shop, system: redis, urls: ['redis://127.0.0.1'] }]\n${settings}`;
    const loaded = loadConfig({ text, path: undefined, env: {}, readFile: () => '' });
    assert.ok(loaded.ok);
    const [config] = loaded.config.targets;
    assert.ok(config);
    this.config = config;
  }

  loop(show: (key: string) => string = (key) => key, before?: TargetLoop): TargetLoop {
    const deps = {
      clock: this.#clock(),
      createCollector: () => this.#collector(),
      show,
      onChange: (change: Change) => this.changes.push(change),
      onFailure: (_target: string, what: string, { code }: Failure) => this.failures.push(`${what} ${code}`),
      onRecovery: () => undefined,
    };
    return new TargetLoop(this.config, this.tracker, deps, before);
  }

  async run(loop: TargetLoop, forMs: number): Promise<void> {
    const stop = new AbortController();
    this.#ends = { at: this.now + forMs, stop };
    await loop.run(stop.signal);
  }

  probesOf(peer: string): number[] {
    return this.probes.filter((probe) => probe.peer === peer).map(({ at }) => at);
  }

  set budgetMsPerHour(budgetMsPerHour: number) {
    this.config = { ...this.config, probe: { ...this.config.probe, budgetMsPerHour } };
  }

  #clock(): Clock {
    const guardMs = this.config.poll.deadlineMs + 1000;
    return {
      date: () => new Date(this.now),
      now: () => this.now,
      random: () => 0,
      sleep: async (ms, signal) => {
        if (ms === guardMs) {
          await new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
          });
        }
        // Lets a probe under way end first.
        await new Promise((resolve) => setImmediate(resolve));
        this.pauses.push(ms);
        this.now += ms;
        if (this.now < this.#ends.at) return;
        this.listeners = getEventListeners(signal, 'abort').length;
        this.#ends.stop.abort();
      },
    };
  }

  #collector(): Collector {
    return {
      start: async () => undefined,
      poll: async () => this.poll(),
      probe: async (hotspot) => {
        this.probes.push({ peer: hotspot.peer, at: this.now });
        this.now += PROBE_MS;
        return this.probe(hotspot);
      },
      survey: async () => ({ scope: 'masters', peer: 'b', ...named() }),
      evidence: async () => [],
      stop: async () => undefined,
    };
  }
}

test('a stricter redaction counts from the reload on, also while nothing answers', async () => {
  const scene = new Scene();
  scene.poll = () => calm;
  const plain = scene.loop();
  await scene.run(plain, 3 * MINUTE);
  scene.poll = () => hot;
  await scene.run(plain, MINUTE);
  assert.equal(plain.status.standingKeys[0]?.keys[0]?.key, KEY);
  assert.equal(plain.status.findings[0]?.keys[0]?.key, KEY);

  scene.changes.length = 0;
  const hidden = scene.loop((key) => `hmac:${key.length}`, plain);
  const assertHidden = (when: string) => {
    assert.equal(hidden.status.findings[0]?.keys[0]?.key, `hmac:${KEY.length}`, when);
    assert.equal(hidden.status.standingKeys[0]?.keys[0]?.key, `hmac:${KEY.length}`, when);
    assert.doesNotMatch(JSON.stringify([hidden.status, scene.changes]), /secret-name/, when);
  };
  assertHidden('at once');
  scene.poll = () => {
    throw new Failure('unreachable', 'refused');
  };
  await scene.run(hidden, MINUTE);
  assert.equal(hidden.status.outcome, 'failed');
  assertHidden('while polls fail');
  scene.poll = () => hot;
  await scene.run(hidden, MINUTE);
  assertHidden('after a poll');
  assert.deepEqual(scene.changes, [], 'a key written otherwise is no news');
});

test('a probe that ends after its loop has stopped says nothing by the old redaction', async () => {
  const scene = new Scene();
  const loop = scene.loop();
  await scene.run(loop, 15_000);
  scene.changes.length = 0;
  const stop = new AbortController();
  scene.tracker.hotspots.map(({ id }) => scene.tracker.attach(id, probeOf([]), new Date(0)));
  scene.now += MINUTE;
  scene.probe = () => {
    stop.abort();
    return named();
  };
  await loop.run(stop.signal);
  assert.doesNotMatch(JSON.stringify(scene.changes), /secret-name/);
  assert.ok(stop.signal.aborted, 'the probe was made');
});

test('a hotspot that stays the same is probed ever more seldom, up to eight times', async () => {
  const scene = new Scene();
  await scene.run(scene.loop(), 60 * MINUTE);
  const at = scene.probesOf('a');
  const gaps = at.slice(1).map((time, i) => Math.round((time - (at[i] ?? 0)) / MINUTE));
  assert.deepEqual(gaps.slice(-3), [8, 8, 8]);
  for (const [i, gap] of gaps.entries()) assert.ok(gap >= (gaps[i - 1] ?? 0), gaps.join(' '));
  assert.ok(at.length * PROBE_MS <= scene.config.probe.budgetMsPerHour / 2);
});

test('another key brings the repeats back', async () => {
  const scene = new Scene();
  const loop = scene.loop();
  await scene.run(loop, 30 * MINUTE);
  scene.probe = () => probeOf([keyOf('another', 0.78)]);
  const before = scene.probes.length;
  await scene.run(loop, 15 * MINUTE);
  const [first, second] = scene.probesOf('a').slice(before);
  assert.ok(first !== undefined && second !== undefined);
  assert.ok(second - first <= 1.5 * MINUTE, `${second - first}`);
});

test('one that no probe explains leaves half of the budget: a new hotspot is named', async () => {
  const scene = new Scene();
  scene.probe = () => probeOf([]);
  const loop = scene.loop();
  await scene.run(loop, 40 * MINUTE);
  const { budgetMsPerHour } = scene.config.probe;
  const spentMs = scene.probesOf('a').length * PROBE_MS;
  assert.ok(spentMs >= budgetMsPerHour / 2 && spentMs <= budgetMsPerHour / 2 + 2 * PROBE_MS, `${spentMs}`);
  assert.ok(loop.status.totals.probes.over_budget > 0);
  assert.match(JSON.stringify(loop.status.findings), /the half of the probe budget .* for repeated probes is spent/);

  scene.probe = named;
  scene.poll = () => hotTwice;
  await scene.run(loop, MINUTE);
  assert.ok(scene.probesOf('b').length > 0);
  assert.equal(loop.status.findings.find(({ peer }) => peer === 'b')?.keys[0]?.key, KEY);
});

test('a reload that raises the budget counts at once', async () => {
  const scene = new Scene();
  scene.budgetMsPerHour = 0;
  const before = scene.loop();
  await scene.run(before, 5 * MINUTE);
  assert.equal(scene.probes.length, 0);
  scene.budgetMsPerHour = 100_000;
  await scene.run(scene.loop(undefined, before), 2 * MINUTE);
  assert.ok(scene.probes.length > 0);
});

test('a peer of which nothing was read is not probed', async () => {
  const scene = new Scene();
  const loop = scene.loop();
  await scene.run(loop, MINUTE);
  scene.poll = () => silent;
  const before = scene.probes.length;
  await scene.run(loop, 30 * MINUTE);
  assert.equal(scene.probes.length, before);
  assert.equal(loop.status.findings[0]?.state, 'open');
  scene.poll = () => hot;
  await scene.run(loop, 2 * MINUTE);
  assert.ok(scene.probes.length > before);
});

test('probes that fail alike in a row are said once', async () => {
  const scene = new Scene();
  const fail = (code: 'busy' | 'timeout') => () => {
    throw new Failure(code, code);
  };
  scene.budgetMsPerHour = 60 * MINUTE;
  const loop = scene.loop();
  scene.probe = fail('busy');
  await scene.run(loop, 2 * MINUTE);
  assert.ok(loop.status.totals.probes.failed > 1);
  assert.deepEqual(scene.failures, ['probe busy']);
  scene.probe = fail('timeout');
  await scene.run(loop, 2 * MINUTE);
  assert.deepEqual(scene.failures, ['probe busy', 'probe timeout']);
  scene.probe = named;
  await scene.run(loop, 2 * MINUTE);
  scene.probe = fail('timeout');
  await scene.run(loop, 20 * MINUTE);
  assert.deepEqual(scene.failures, ['probe busy', 'probe timeout', 'probe timeout'], 'one that was seen lies between');
});

test('a failing target is never asked sooner than one that answers', async () => {
  const scene = new Scene('poll: { intervalMs: 90000, maxBackoffMs: 1000 }');
  scene.poll = () => {
    throw new Failure('unreachable', 'refused');
  };
  await scene.run(scene.loop(), 20 * MINUTE);
  assert.ok(scene.pauses.length > 5);
  for (const pause of scene.pauses) assert.equal(pause, 90_000);
});

test('a thousand polls leave no listener on the signal of the loop', async () => {
  const scene = new Scene();
  scene.poll = () => calm;
  await scene.run(scene.loop(), 10_000_000);
  assert.equal(scene.listeners, 0);
  assert.ok(scene.pauses.length >= 1000);
});
