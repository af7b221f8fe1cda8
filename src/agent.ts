/** All targets at once: a loop each, started, replaced on a new configuration, and drained at the end. */
import { createHash } from 'node:crypto';
import { collectorKinds, Secret } from '../collectors/index.ts';
import type { Clock } from './clock.ts';
import type { Config, TargetConfig } from './config.ts';
import { HotspotTracker } from './detect/tracker.ts';
import type { AgentView } from './expose/view.ts';
import type { TargetStatus } from './model.ts';
import { makeRedactor } from './redact.ts';
import { TargetLoop, type TargetLoopDeps } from './target-loop.ts';

export interface AgentDeps extends Omit<TargetLoopDeps, 'show' | 'createCollector' | 'clock'> {
  readonly clock: Clock;
  readonly version: string;
}

/** The part of a poll's deadline that one node may take: what is left makes a partial answer instead of none. */
const NODE_PART_OF_DEADLINE = 0.7;

interface Running {
  readonly loop: TargetLoop;
  readonly fingerprint: string;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

export class Agent implements AgentView {
  readonly startedAt: Date;
  readonly version: string;
  readonly #deps: AgentDeps;
  #running: readonly Running[] = [];

  constructor(deps: AgentDeps) {
    this.#deps = deps;
    this.startedAt = deps.clock.date();
    this.version = deps.version;
  }

  targets(): readonly TargetStatus[] {
    return this.#running.map(({ loop }) => loop.status);
  }

  ready(): { ready: boolean; reason: string } {
    const awaited = this.targets().filter(({ lastPoll }) => lastPoll === undefined);
    if (awaited.length === 0) return { ready: true, reason: 'every target was polled' };
    return { ready: false, reason: `not polled yet: ${awaited.map(({ target }) => target).join(', ')}` };
  }

  /** Starts what is new or changed, stops what is gone, and leaves the rest alone. */
  apply(config: Config): void {
    const before = new Map(this.#running.map((running) => [running.loop.config.name, running]));
    this.#running = config.targets.map((target) => {
      const fingerprint = fingerprintOf([target, config.keys]);
      const known = before.get(target.name);
      if (known?.fingerprint === fingerprint) {
        before.delete(target.name);
        return known;
      }
      return this.#start(target, config, fingerprint, known);
    });
    for (const gone of before.values()) gone.stop.abort();
  }

  /** Ends every loop; each ends what it has under way. */
  async stop(): Promise<void> {
    for (const { stop } of this.#running) stop.abort();
    await Promise.all(this.#running.map(({ ended }) => ended));
  }

  #start(target: TargetConfig, config: Config, fingerprint: string, before: Running | undefined): Running {
    const tracker = before?.loop.tracker ?? new HotspotTracker(target.name, target.detect);
    tracker.thresholds = target.detect;
    const { clock } = this.#deps;
    const loop = new TargetLoop(
      target,
      tracker,
      { ...this.#deps, show: makeRedactor(config.keys), createCollector: (of) => createCollector(of, clock) },
      before?.loop,
    );
    const stop = new AbortController();
    return { loop, fingerprint, stop, ended: loop.run(stop.signal) };
  }
}

export function createCollector(
  config: TargetConfig,
  clock: Clock,
  onProgress?: (seen: number, total: number) => void,
) {
  return collectorKinds[config.system].create(config, {
    now: clock.now,
    sleep: clock.sleep,
    nodeDeadlineMs: config.poll.deadlineMs * NODE_PART_OF_DEADLINE,
    ...(onProgress !== undefined && { onProgress }),
  });
}

/** Changes when anything of the configuration does, a rotated password included; holds no secret. */
function fingerprintOf(value: unknown): string {
  const text = JSON.stringify(value, function (this: Record<string, unknown>, key: string, shown: unknown) {
    const original = this[key];
    return original instanceof Secret ? original.reveal() : shown;
  });
  return createHash('sha256').update(text).digest('hex');
}
