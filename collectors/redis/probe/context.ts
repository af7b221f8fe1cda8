/** What every kind of evidence is handed: the node, what it is, the limits of the probe, and time. */
import type { KeyShare } from '../../../src/model.ts';
import type { Failure } from '../../shared/failures.ts';
import { isOwnOnly, useOf } from '../commands.ts';
import type { RedisTargetConfig } from '../config.ts';
import type { NodeInfo } from '../info.ts';
import type { RedisNode } from '../node.ts';
import type { KeyNames } from './key-names.ts';

export interface ProbeContext {
  readonly node: RedisNode;
  readonly info: NodeInfo;
  readonly config: RedisTargetConfig;
  readonly names: KeyNames;
  /** Aborts at the end of the probe's time. */
  readonly signal: AbortSignal;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told while a sweep goes on: keys seen and keys there. */
  readonly onProgress?: (seen: number, total: number) => void;
}

/** What one kind of evidence gave: keys, best first; and why there are none, or none that can be ranked. */
export interface Named {
  readonly keys: readonly KeyShare[];
  readonly shortfall?: Failure;
}

const DELETING: ReadonlySet<string> = new Set(['del', 'unlink', 'getdel', 'rename', 'flushdb', 'flushall']);

export interface AppRates {
  /** In the window. */
  readonly calls: number;
  readonly callsPerSecond: number;
  /** Touches of keys: reads that found theirs, and writes. Missing where the server does not tell its hits. */
  readonly touchesPerSecond?: number;
  /** Keys that came to their end: deleted, expired, evicted. What touched them is no longer to be found. */
  readonly vanishedPerSecond: number;
}

/**
 * What the application does a second between two looks at INFO.
 * @param own what the agent itself sent in between, by the names of commandstats
 */
export function appRates(
  before: NodeInfo,
  after: NodeInfo,
  own: ReadonlyMap<string, number>,
  elapsedMs: number,
): AppRates | undefined {
  const windowMs =
    before.serverTimeMs !== undefined && after.serverTimeMs !== undefined
      ? after.serverTimeMs - before.serverTimeMs
      : elapsedMs;
  if (windowMs <= 0) return undefined;
  let calls = 0;
  let writes = 0;
  let vanished = Math.max(0, (after.keysRemoved ?? 0) - (before.keysRemoved ?? 0));
  for (const [name, { calls: total }] of after.commands) {
    if (isOwnOnly(name)) continue;
    const count = Math.max(0, total - (before.commands.get(name)?.calls ?? 0) - (own.get(name) ?? 0));
    calls += count;
    const use = useOf(name);
    if (use === 'writes' || use === 'increments') writes += count;
    if (DELETING.has(name)) vanished += count;
  }
  const ownHits = (own.get('object|idletime') ?? 0) + (own.get('object|freq') ?? 0);
  const told = after.keyspaceHits !== undefined && before.keyspaceHits !== undefined;
  const hits = told ? Math.max(0, after.keyspaceHits - before.keyspaceHits - ownHits) : undefined;
  return {
    calls,
    vanishedPerSecond: (vanished * 1000) / windowMs,
    callsPerSecond: (calls * 1000) / windowMs,
    ...(hits !== undefined && { touchesPerSecond: ((hits + writes) * 1000) / windowMs }),
  };
}

/** What was sent between two moments of a connection. */
export function sentBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Map<string, number> {
  return new Map([...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)]));
}

export const KEYS_NAMED = 16;
