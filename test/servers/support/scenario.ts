/** A load on real servers, watched by an agent: what the scenarios of test/servers/detect-*.test.ts have in common. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Finding, TargetStatus } from '../../../src/model.ts';
import {
  type Background,
  countsBetween,
  type Load,
  type LoadCounts,
  prefill,
  startLoad,
} from '../../../src/tour/load.ts';
import type { HotPart } from '../../../src/tour/mix.ts';
import { pollsOf, type Watched, watchTargets } from './agent.ts';

/** Web traffic as Zipf has it: the hottest of 100,000 keys takes 8 % of the calls, and none is singled out. */
export const ZIPF: Background = {
  kind: 'background',
  keys: 100_000,
  exponent: 0.99,
  readRatio: 0.8,
  valueBytes: 100,
  prefix: 'item:',
};

export const RATE = 6_000;
export const HOT_READ: HotPart = { kind: 'read', key: 'product:99', share: 0.5, valueBytes: 100 };
export const HOT_COUNTER: HotPart = { kind: 'increment', key: 'post:99:likes', share: 0.5 };

export interface Scenario {
  readonly watched: Watched;
  readonly load: Load;
  /** How many polls a load has been there for when it opens, with the finding once it is explained. */
  readonly hot: (part: HotPart) => Promise<Explained>;
  /** Takes the hot part away and waits for the hotspot to resolve. */
  readonly calm: (id: string) => Promise<void>;
}

export interface Explained {
  readonly finding: Finding;
  /** Polls from the beginning of the load to the opening. */
  readonly pollsToOpen: number;
  /** The key's true share of its node's calls meanwhile. */
  readonly trueShare: number;
}

interface ScenarioOptions {
  /** Settings of the target beside its name and urls. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly urls?: readonly string[];
  readonly background?: Background;
  readonly rate?: number;
  readonly password?: string;
}

const INTERVAL_MS = 2000;
const CONFIRM_MS = 500;

export async function startScenario(
  t: TestContext,
  servers: { readonly nodes: readonly { readonly host: string; readonly port: number; readonly url: string }[] },
  { settings = {}, urls, background = ZIPF, rate = RATE }: ScenarioOptions = {},
): Promise<Scenario> {
  await prefill(servers, background);
  const load = await startLoad(servers, { mix: [background], rate });
  t.after(() => load.stop());
  const seeds = urls ?? servers.nodes.map(({ url }) => url);
  const target = { name: 'it', system: 'redis', urls: seeds, ...settings };
  const watched = watchTargets(t, `  - ${JSON.stringify(target)}`, {
    intervalMs: INTERVAL_MS,
    confirmIntervalMs: CONFIRM_MS,
    deadlineMs: 1900,
  });
  await watched.morePolls(2);
  return {
    watched,
    load,
    async hot(part) {
      await load.set([background, part]);
      const began = { counts: load.counts(), polls: pollsOf(watched.status().totals), at: performance.now() };
      const secondsSince = () => ((performance.now() - began.at) / 1000).toFixed(1);
      const opened = await watched.until('a hotspot to open', (status) => openOf(status) !== undefined, WAIT);
      const pollsToOpen = pollsOf(opened.totals) - began.polls;
      const opens = secondsSince();
      const explained = await watched.until(`${part.key} to be named`, (status) => isNamed(status, part.key), WAIT);
      const finding = openOf(explained);
      assert.ok(finding);
      const counts = countsBetween(began.counts, load.counts());
      t.diagnostic(
        `${part.key}: polled every ${INTERVAL_MS / 1000} s; open after ${opens} s and ${pollsToOpen} polls, named after ${secondsSince()} s; ${JSON.stringify(finding.keys[0])}`,
      );
      return { finding, pollsToOpen, trueShare: shareOf(part.key, counts, load) };
    },
    async calm(id) {
      await load.set([background]);
      await watched.until(
        'the hotspot to resolve',
        ({ findings }) => findings.some((finding) => finding.id === id && finding.state === 'resolved'),
        WAIT,
      );
    },
  };
}

/** A deadline for a broken build, not a promise: a slow machine may take long. */
const WAIT = { withinMs: 90_000 };

/** What every hot key has to be told by, whatever the evidence was. */
export function assertNamed({ finding, trueShare, pollsToOpen }: Explained, part: HotPart, load: Load): void {
  const [key] = finding.keys;
  assert.equal(finding.peer, load.ownerOf(part.key), 'the node that owns the key');
  assert.equal(key?.key, part.key);
  assert.ok(key.low <= trueShare + 0.02 && trueShare - 0.02 <= key.high, `${trueShare} in ${key.low}..${key.high}`);
  // The first sees the skew, openAfterTicks confirm it; onset in the middle of a window may hide it once.
  assert.ok(pollsToOpen <= 5, `${pollsToOpen} polls from onset to open`);
}

export function openOf({ findings }: TargetStatus): Finding | undefined {
  return findings.find(({ state }) => state === 'open');
}

function isNamed(status: TargetStatus, key: string): boolean {
  const finding = openOf(status);
  return finding !== undefined && finding.cause.id !== 'undetermined' && finding.keys[0]?.key === key;
}

function shareOf(key: string, counts: LoadCounts, load: Load): number {
  const hot = counts.hot[key];
  const calls = hot === undefined ? 0 : hot.reads + hot.increments + hot.writes;
  return calls / (counts.byNode[load.ownerOf(key)] ?? 1);
}
