/** Which evidence a node can give, which not, why, and the exact command that would enable it; asked live. */
import type { Evidence } from '../../src/model.ts';
import type { Failure } from '../shared/failures.ts';
import type { RedisTargetConfig } from './config.ts';
import { isAtLeast, type NodeInfo } from './info.ts';
import type { CommandLine, RedisNode, Reply } from './node.ts';
import { SLOT_STATS_REMEDY } from './slot-stats.ts';

export function isLfu(info: Pick<NodeInfo, 'evictionPolicy'>): boolean {
  return info.evictionPolicy.endsWith('-lfu');
}

export function hasLatencyHistogram(info: NodeInfo): boolean {
  return info.server === 'valkey' || isAtLeast(info.version, 7, 0);
}

export function hasSlotStats(info: NodeInfo): boolean {
  return (
    info.mode === 'cluster' &&
    (info.server === 'valkey' ? isAtLeast(info.version, 8, 0) : isAtLeast(info.version, 8, 2))
  );
}

/** A key that no one has: what is asked of it tells whether it may be asked. */
const NO_KEY = 'hotspot-agent:no-such-key';

const ASKED = {
  info: ['INFO', 'commandstats'],
  latency: ['LATENCY', 'HISTOGRAM', 'ping'],
  slots: ['CLUSTER', 'SLOTS'],
  slotStats: ['CLUSTER', 'SLOT-STATS', 'SLOTSRANGE', 0, 0],
  keysInSlot: ['CLUSTER', 'GETKEYSINSLOT', 0, 1],
  scan: ['SCAN', 0, 'COUNT', 1],
  freq: ['OBJECT', 'FREQ', NO_KEY],
  idle: ['OBJECT', 'IDLETIME', NO_KEY],
  hotkeys: ['HOTKEYS', 'GET'],
  configGet: ['CONFIG', 'GET', 'lfu-log-factor'],
} as const satisfies Record<string, CommandLine>;

export async function listEvidence(
  node: RedisNode,
  info: NodeInfo,
  config: RedisTargetConfig,
  signal: AbortSignal,
): Promise<Evidence[]> {
  const names = Object.keys(ASKED) as (keyof typeof ASKED)[];
  const replies = await node.pipeline(
    names.map((name) => ASKED[name]),
    signal,
  );
  const answers = new Map(names.map((name, index) => [name, replies[index]]));
  const failureOf = (name: keyof typeof ASKED): Failure | undefined => failure(answers.get(name));
  const lfu = isLfu(info);
  const cluster = info.mode === 'cluster';
  const list: Evidence[] = [
    judge('commandstats', 'calls, reads, writes and increments of each master', failureOf('info')),
    hasLatencyHistogram(info)
      ? judge('latency histogram', 'p99 of each master', failureOf('latency'))
      : unavailable('latency histogram', 'p99 of each master', `${named(info)} has none: Redis 7.0 or Valkey`),
  ];
  if (cluster) list.push(judge('slot map', 'which master owns which slots', failureOf('slots')));
  list.push(slotStats(info, answers.get('slotStats'), failureOf('keysInSlot')));
  list.push(hotkeys(info, config, failureOf('hotkeys')));
  list.push(
    lfu
      ? judge(
          'LFU counters',
          'keys by how often they are used, up to about 42 calls a second',
          failureOf('scan') ?? failureOf('freq'),
          lfuLimit(failureOf('configGet')),
        )
      : unavailable(
          'LFU counters',
          'keys by how often they are used',
          `the eviction policy is ${info.evictionPolicy || 'not known'}, not an LFU one; idle times serve instead`,
          'CONFIG SET maxmemory-policy allkeys-lfu (changes what is evicted)',
        ),
  );
  list.push(
    lfu
      ? unavailable(
          'idle times',
          'keys by how soon they are used again',
          'the eviction policy is an LFU one, which keeps no access times',
        )
      : judge(
          'idle times',
          'keys by how soon they are used again, up to about 1,000 calls a second',
          failureOf('scan') ?? failureOf('idle'),
        ),
  );
  list.push(
    config.probe.monitor
      ? {
          name: 'MONITOR burst',
          gives: 'exact shares, reads, writes and increments',
          available: true,
          reason: `switched on: ${config.probe.monitorMs} ms and ${config.probe.monitorBytes} bytes at most`,
        }
      : unavailable(
          'MONITOR burst',
          'exact shares, reads, writes and increments',
          'opt-in, since it slows the node while it lasts',
          'probe.monitor: true of the target',
        ),
  );
  return list;
}

function slotStats(info: NodeInfo, reply: Reply | undefined, keysDenied: Failure | undefined): Evidence {
  const [name, gives] = ['slot statistics', 'the hot slot, and through it the key'];
  if (info.mode !== 'cluster') return unavailable(name, gives, 'not a cluster');
  if (!hasSlotStats(info)) return unavailable(name, gives, `${named(info)} has none: Valkey 8.0 or Redis 8.2`);
  const denied = failure(reply);
  if (denied !== undefined) return judge(name, gives, denied);
  if (!JSON.stringify(reply?.ok === true ? reply.value : '').includes('cpu-usec')) {
    return unavailable(name, gives, 'switched off', SLOT_STATS_REMEDY);
  }
  return judge(name, gives, keysDenied);
}

function hotkeys(info: NodeInfo, config: RedisTargetConfig, denied: Failure | undefined): Evidence {
  const [name, gives] = ['HOTKEYS', 'the keys by CPU and bytes, or by calls'];
  if (denied?.code === 'unsupported')
    return unavailable(name, gives, `${named(info)} has none: Redis 8.6 or Valkey 9.2`);
  if (!config.probe.hotkeys)
    return unavailable(name, gives, 'switched off in our configuration', 'probe.hotkeys: true of the target');
  return judge(name, gives, denied);
}

function lfuLimit(denied: Failure | undefined): string {
  return denied === undefined
    ? 'available'
    : 'available; CONFIG GET is refused, so lfu.logFactor and lfu.decayTimeMinutes are taken from our configuration';
}

function judge(name: string, gives: string, denied: Failure | undefined, reason = 'available'): Evidence {
  if (denied === undefined) return { name, gives, available: true, reason };
  return unavailable(name, gives, denied.message, denied.remedy);
}

function unavailable(name: string, gives: string, reason: string, remedy?: string): Evidence {
  return { name, gives, available: false, reason, ...(remedy !== undefined && { remedy }) };
}

/** "No such key" means that it may be asked. */
function failure(reply: Reply | undefined): Failure | undefined {
  return reply === undefined || reply.ok || reply.failure.code === 'moved' ? undefined : reply.failure;
}

function named(info: NodeInfo): string {
  return `${info.server === 'valkey' ? 'Valkey' : 'Redis'} ${info.version}`;
}
