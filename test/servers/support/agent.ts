/**
 * An agent in this process on real targets, with a rhythm of hundreds of milliseconds, whose statuses a test waits for.
 * What it sleeps, fails and says is written down; nothing is asserted here.
 */
import type { TestContext } from 'node:test';
import { Agent } from '../../../src/agent.ts';
import type { Change } from '../../../src/changes.ts';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { loadConfig } from '../../../src/config.ts';
import { createMetrics } from '../../../src/expose/metrics.ts';
import type { Absence, TargetStatus } from '../../../src/model.ts';

export interface WatchOverrides {
  readonly intervalMs?: number;
  readonly confirmIntervalMs?: number;
  readonly deadlineMs?: number;
  readonly maxBackoffMs?: number;
  readonly clock?: Clock;
  /** Contents of files that the configuration names, by the path as written. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface PollSeen {
  readonly target: string;
  readonly outcome: TargetStatus['outcome'];
  readonly durationMs: number;
}

export interface Watched {
  readonly agent: Agent;
  /** Every poll since the beginning, as the totals tell it. */
  readonly polls: readonly PollSeen[];
  readonly changes: readonly Change[];
  readonly failures: readonly { readonly target: string; readonly code: string; readonly reason: string }[];
  readonly recoveries: readonly string[];
  /** The status of the only target, or of the one named. */
  readonly status: (name?: string) => TargetStatus;
  /** Resolves with the status once it holds. Rejects with what was last seen. */
  readonly until: (
    what: string,
    holds: (status: TargetStatus, all: readonly TargetStatus[]) => boolean,
    options?: { readonly target?: string; readonly withinMs?: number },
  ) => Promise<TargetStatus>;
  /** Resolves with the status after `count` more polls. */
  readonly morePolls: (count: number, target?: string) => Promise<TargetStatus>;
  /** The text of /metrics. */
  readonly metrics: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

const LOOK_EVERY_MS = 5;
const WITHIN_MS = 20_000;

/**
 * @param targets urls of one target named `it`, or the YAML list below `targets:`
 */
export function watchTargets(t: TestContext, targets: readonly string[] | string, o: WatchOverrides = {}): Watched {
  const list =
    typeof targets === 'string'
      ? targets
      : `  - { name: it, system: redis, urls: ${JSON.stringify(targets)}, probe: { enabled: false } }`;
  const { intervalMs = 500, confirmIntervalMs = 500, deadlineMs = 1500, maxBackoffMs = 1000 } = o;
  const text = `poll: ${JSON.stringify({ intervalMs, confirmIntervalMs, deadlineMs, maxBackoffMs })}\ntargets:\n${list}\n`;
  const loaded = loadConfig({ text, path: undefined, env: {}, readFile: readFrom(o.files ?? {}) });
  if (!loaded.ok) throw new Error(`configuration of the test: ${JSON.stringify(loaded.problems, null, 1)}`);

  const polls: PollSeen[] = [];
  const changes: Change[] = [];
  const failures: { target: string; code: string; reason: string }[] = [];
  const recoveries: string[] = [];
  const agent = new Agent({
    clock: o.clock ?? systemClock,
    version: 'test',
    onChange: (change) => changes.push(change),
    onFailure: (target, _what, { code, message }) => failures.push({ target, code, reason: message }),
    onRecovery: (target) => recoveries.push(target),
  });
  const before = new Map<string, TargetStatus['totals']>();
  const look = setInterval(() => {
    for (const { target, outcome, totals } of agent.targets()) {
      const last = before.get(target);
      const made = pollsOf(totals) - (last === undefined ? 0 : pollsOf(last));
      const spentMs = totals.poll.durationMs - (last?.poll.durationMs ?? 0);
      // Two polls between two looks share their time.
      for (let i = 0; i < made; i++) polls.push({ target, outcome, durationMs: spentMs / made });
      before.set(target, totals);
    }
  }, LOOK_EVERY_MS);
  const stop = async (): Promise<void> => {
    await agent.stop();
    clearInterval(look);
  };
  t.after(stop);
  agent.apply(loaded.config);

  const first = loaded.config.targets[0]?.name ?? '';
  const status = (name: string = first): TargetStatus => {
    const found = agent.targets().find(({ target }) => target === name);
    if (found === undefined) throw new Error(`no target ${name}`);
    return found;
  };
  const until: Watched['until'] = async (what, holds, { target = first, withinMs = WITHIN_MS } = {}) => {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const now = status(target);
      if (holds(now, agent.targets())) return now;
      if (performance.now() > deadline) {
        throw new Error(`waited ${withinMs / 1000} s in vain for ${what}; ${target} is ${describe(now)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  };
  return {
    agent,
    polls,
    changes,
    failures,
    recoveries,
    status,
    until,
    morePolls: (count, target = first) => {
      const from = pollsOf(status(target).totals);
      return until(`${count} more polls`, ({ totals }) => pollsOf(totals) >= from + count, { target });
    },
    metrics: () => render(agent),
    stop,
  };
}

export function pollsOf({ polls }: TargetStatus['totals']): number {
  return polls.ok + polls.partial + polls.failed;
}

/** The absence of a whole peer, which is what a node that does not answer leaves. */
export function absenceOfPeer(status: TargetStatus, peer: string): Absence | undefined {
  return status.absences.find(
    (absence) => absence.scope === 'masters' && absence.peer === peer && absence.resource === undefined,
  );
}

/** The series of a metric for a target: `{labels} value` lines. */
export function seriesOf(text: string, metric: string, target = 'it'): string[] {
  return text.split('\n').filter((line) => line.startsWith(`${metric}{`) && line.includes(`target="${target}"`));
}

/** A clock that writes down how long each sleep was asked to be. */
export function recordingClock(): Clock & { readonly sleeps: readonly number[] } {
  const sleeps: number[] = [];
  return {
    ...systemClock,
    sleeps,
    sleep: (ms, signal) => {
      sleeps.push(ms);
      return systemClock.sleep(ms, signal);
    },
  };
}

// The metrics of a process can be made once only: they show whichever agent is asked for.
let shown: Agent | undefined;
const metrics = createMetrics(
  {
    startedAt: new Date(0),
    version: 'test',
    targets: () => shown?.targets() ?? [],
    ready: () => ({ ready: true, reason: '' }),
  },
  { topPeers: 20, topKeys: 10 },
);

function render(agent: Agent): Promise<string> {
  shown = agent;
  return metrics.render(undefined);
}

function readFrom(files: Readonly<Record<string, string>>): (path: string) => string {
  return (path) => {
    const name = Object.keys(files).find((known) => path.endsWith(known));
    if (name === undefined) throw new Error(`no file ${path}`);
    return files[name] ?? '';
  };
}

function describe(status: TargetStatus): string {
  const { outcome, error, absences, signals, findings, totals } = status;
  return JSON.stringify(
    {
      outcome,
      error,
      absences: absences.slice(0, 6),
      signals: signals.map(({ scope, resource, skew, undecided, absent }) => [
        `${scope.name}/${resource.name}`,
        undecided ?? skew,
        absent,
      ]),
      findings: findings.map(({ peer, state, cause }) => [peer, state, cause.id]),
      polls: totals.polls,
    },
    null,
    1,
  );
}
