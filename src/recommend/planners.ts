/**
 * A planner for each mitigation: works its parameters out on the live topology and computes the load after. A
 * planner returns nothing where its mitigation cannot help.
 */

import { type Case, loadOf, type NamedKey, slotsOf } from '../diagnose/case.ts';
import { dominantKey, mixOfKey } from '../diagnose/rules.ts';
import type { Mitigation, Recommendation } from '../model.ts';
import { CATALOGUE } from './catalogue.ts';
import { expectedOutcome, loadsBefore } from './loads.ts';
import { type KeyTemplate, keyTemplate } from './paste.ts';
import { planRebalance } from './rebalance.ts';
import { planSpread } from './spread.ts';

export interface PlanContext {
  readonly facts: Case;
  /** Redacts a key for everything that leaves. */
  readonly show: (key: string) => string;
}

export type Planner = (context: PlanContext) => Recommendation | undefined;

const LOCAL_TTL_MS = 1000;
const FLUSH_INTERVAL_MS = 1000;

export const PLANNERS: Partial<Record<Mitigation, Planner>> = {
  key_replication: planKeyReplication,
  local_cache: planLocalCache,
  sharded_counter: planShardedCounter,
  write_coalescing: planWriteCoalescing,
  rebalance_slots: ({ facts }) => {
    const plan = planRebalance(facts);
    return plan === undefined ? undefined : recommendation('rebalance_slots', plan);
  },
};

function planKeyReplication({ facts, show }: PlanContext): Recommendation | undefined {
  const key = keyLoad(facts);
  if (key === undefined) return undefined;
  const spread = planSpread(facts, key.key, { divided: key.reads, multiplied: key.writes + key.increments });
  if (spread === undefined) return undefined;
  const copies = keyTemplate(key.key, show);
  return recommendation('key_replication', {
    parameters: { n: spread.suffixes.length, suffixes: spread.suffixes, masters: spread.masters },
    expected: spread.expected,
    apply: replicationLines(copies, spread.suffixes),
  });
}

function planLocalCache({ facts, show }: PlanContext): Recommendation | undefined {
  const key = keyLoad(facts);
  const instances = clientsOf(facts);
  if (key === undefined || instances === undefined) return undefined;
  const left = partLeft(key.reads / key.load, key.callsPerSecond, (instances * 1000) / LOCAL_TTL_MS);
  if (left === undefined) return undefined;
  const expected = withLess(facts, key.reads * (1 - left.ratio));
  if (expected.peerLoadRatio >= 1) return undefined;
  const name = JSON.stringify(show(key.key));
  return recommendation('local_cache', {
    parameters: {
      ttlMs: LOCAL_TTL_MS,
      instancesAtMost: instances,
      readsPerSecondAfterAtMost: Math.ceil(left.perSecond),
    },
    expected,
    apply: [
      'local = TTLCache(maxsize=1000, ttl=1)',
      `def get(key):                       # called with ${name}`,
      '    value = local.get(key)          # in the process: no request at all',
      '    if value is None:',
      '        value = redis.get(key)      # once a second an instance',
      '        local[key] = value',
      '    return value',
    ].join('\n'),
  });
}

function planShardedCounter({ facts, show }: PlanContext): Recommendation | undefined {
  const key = keyLoad(facts);
  if (key === undefined) return undefined;
  const spread = planSpread(facts, key.key, { divided: key.increments, multiplied: key.reads + key.writes });
  if (spread === undefined) return undefined;
  const shards = keyTemplate(key.key, show);
  const list = `[${spread.suffixes.join(', ')}]`;
  return recommendation('sharded_counter', {
    parameters: { n: spread.suffixes.length, suffixes: spread.suffixes, masters: spread.masters },
    expected: spread.expected,
    apply: [
      `shards = ${list}                      # one on each of ${spread.suffixes.length} masters`,
      '# as INCRBY; a hash or sorted set is sharded alike, with HINCRBY or ZINCRBY and a sum over its fields',
      `redis.incrby(${shards.expression('random.choice(shards)')}, 1)`,
      `total = sum(int(redis.get(${shards.expression('i')}) or 0) for i in shards)`,
    ].join('\n'),
  });
}

function planWriteCoalescing({ facts, show }: PlanContext): Recommendation | undefined {
  const key = keyLoad(facts);
  const instances = clientsOf(facts);
  if (key === undefined || instances === undefined) return undefined;
  const writes = key.writes + key.increments;
  const left = partLeft(writes / key.load, key.callsPerSecond, (instances * 1000) / FLUSH_INTERVAL_MS);
  if (left === undefined) return undefined;
  const expected = withLess(facts, writes * (1 - left.ratio));
  if (expected.peerLoadRatio >= 1) return undefined;
  const name = JSON.stringify(show(key.key));
  const counter = key.increments > key.writes;
  return recommendation('write_coalescing', {
    parameters: {
      flushIntervalMs: FLUSH_INTERVAL_MS,
      instancesAtMost: instances,
      writesPerSecondAfterAtMost: Math.ceil(left.perSecond),
    },
    expected,
    apply: counter
      ? [
          'pending += 1                        # on each event, in the process',
          `every(1.0, lambda: redis.incrby(${name}, take(pending)))`,
        ].join('\n')
      : [
          'latest = value                      # on each write, in the process',
          `every(1.0, lambda: redis.set(${name}, latest))`,
        ].join('\n'),
  });
}

/** A key's load, and the parts of it by use, in the unit of the loads that its share is of. */
interface KeyLoad extends Omit<NamedKey, 'mix'> {
  readonly load: number;
  readonly reads: number;
  readonly writes: number;
  readonly increments: number;
  /** Missing where the calls of its peer are. Too high for a key of costly calls, whose share is not of calls. */
  readonly callsPerSecond?: number;
}

function keyLoad(facts: Case): KeyLoad | undefined {
  const key = dominantKey(facts);
  const mix = mixOfKey(facts)?.mix;
  const hot = loadsBefore(facts).get(facts.hotspot.peer);
  if (key === undefined || mix === undefined || hot === undefined) return undefined;
  const load = key.share * hot;
  if (load <= 0) return undefined;
  const calls = facts.signals.find((signal) => signal.resource.name === 'calls');
  const callsOfPeer = calls && loadOf(calls, facts.hotspot.peer)?.value;
  return {
    ...key,
    load,
    reads: load * mix.reads,
    writes: load * mix.writes,
    increments: load * mix.increments,
    ...(callsOfPeer !== undefined && { callsPerSecond: key.share * callsOfPeer }),
  };
}

/** What is left of a part of the key's calls when no more than `mostPerSecond` of them reach the server. */
function partLeft(part: number, callsPerSecond: number | undefined, mostPerSecond: number) {
  if (callsPerSecond === undefined) return undefined;
  const before = part * callsPerSecond;
  if (before <= 0) return undefined;
  const perSecond = Math.min(before, mostPerSecond);
  return { perSecond, ratio: perSecond / before };
}

/** Connected clients bound the application's instances from above. */
function clientsOf(facts: Case): number | undefined {
  return slotsOf(facts.topology)?.masters.find(({ peer }) => peer === facts.hotspot.peer)?.clients;
}

function withLess(facts: Case, less: number): Recommendation['expected'] {
  const before = loadsBefore(facts);
  const after = new Map(before);
  after.set(facts.hotspot.peer, Math.max(0, (before.get(facts.hotspot.peer) ?? 0) - less));
  return expectedOutcome(facts, before, after);
}

function replicationLines(copies: KeyTemplate, suffixes: readonly number[]): string {
  return [
    `copies = [${suffixes.join(', ')}]                      # one on each of ${suffixes.length} masters`,
    `for i in copies: redis.set(${copies.expression('i')}, value, ex=ttl)      # every write, to every copy`,
    `value = redis.get(${copies.expression('random.choice(copies)')})      # each read, from any`,
  ].join('\n');
}

function recommendation(
  mitigation: Mitigation,
  plan: Pick<Recommendation, 'parameters' | 'expected' | 'apply'>,
): Recommendation {
  return { mitigation, ...plan, tradeoff: CATALOGUE[mitigation].tradeoff };
}
