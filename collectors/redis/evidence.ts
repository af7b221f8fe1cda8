/** Which evidence a node can give, which not, why, and the exact command that would enable it; asked live. */
import type { Evidence, SlotOwner } from '../../src/model.ts';
import type { Failure } from '../shared/failures.ts';
import type { RedisTargetConfig } from './config.ts';
import { failureOf } from './errors.ts';
import { isAtLeast, type NodeInfo } from './info.ts';
import { type CommandLine, type RedisNode, type Reply, requireValue } from './node.ts';
import { parseSlotStats } from './slot-stats.ts';

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

export interface EvidenceOptions {
  readonly config: RedisTargetConfig;
  /** The slots of the node that is asked: of another's it tells nothing. */
  readonly ranges: SlotOwner['ranges'];
  readonly signal: AbortSignal;
}

type Question = keyof ReturnType<typeof questionsAbout>;
type Answers = ReadonlyMap<Question, Reply | undefined>;

const questionsAbout = (slot: number) =>
  ({
    info: ['INFO', 'commandstats'],
    latency: ['LATENCY', 'HISTOGRAM', 'ping'],
    slots: ['CLUSTER', 'SLOTS'],
    slotStats: ['CLUSTER', 'SLOT-STATS', 'SLOTSRANGE', slot, slot],
    keysInSlot: ['CLUSTER', 'GETKEYSINSLOT', slot, 1],
    scan: ['SCAN', 0, 'COUNT', 1],
    freq: ['OBJECT', 'FREQ', NO_KEY],
    idle: ['OBJECT', 'IDLETIME', NO_KEY],
    hotkeys: ['HOTKEYS', 'GET'],
    hotkeysTopK: ['CONFIG', 'GET', 'hotkeys-top-k'],
    configGet: ['CONFIG', 'GET', 'lfu-log-factor'],
  }) as const satisfies Record<string, CommandLine>;

export async function listEvidence(
  node: RedisNode,
  info: NodeInfo,
  { config, ranges, signal }: EvidenceOptions,
): Promise<Evidence[]> {
  const questions = questionsAbout(ranges[0]?.[0] ?? 0);
  const names = Object.keys(questions) as Question[];
  const replies = await node.pipeline(
    names.map((name) => questions[name]),
    signal,
  );
  const answers: Answers = new Map(names.map((name, index) => [name, replies[index]]));
  const refused = (name: Question): Failure | undefined => failure(answers.get(name));
  const lfu = isLfu(info);
  const cluster = info.mode === 'cluster';
  const list: Evidence[] = [
    judge('commandstats', 'calls, reads, writes and increments of each master', refused('info')),
    hasLatencyHistogram(info)
      ? judge('latency histogram', 'p99 of each master', refused('latency'))
      : unavailable('latency histogram', 'p99 of each master', `${named(info)} has none: Redis 7.0 or Valkey`),
  ];
  if (cluster) list.push(judge('slot map', 'which master owns which slots', refused('slots')));
  list.push(slotStats(info, answers));
  list.push(hotkeys(info, config, answers));
  list.push(
    lfu
      ? judge(
          'LFU counters',
          'keys by how often they are used, up to about 42 calls a second',
          refused('scan') ?? refused('freq'),
          lfuLimit(refused('configGet')),
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
          refused('scan') ?? refused('idle'),
        ),
  );
  list.push(
    config.probe.monitor
      ? {
          name: 'MONITOR burst',
          gives: 'exact shares, reads, writes and increments',
          available: true,
          reason: `switched on: ${config.probe.monitorMs} ms and ${config.probe.monitorBytes} bytes at most; not verified: needs +monitor`,
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

function slotStats(info: NodeInfo, answers: Answers): Evidence {
  const [name, gives] = ['slot statistics', 'the hot slot, and through it the key'];
  if (info.mode !== 'cluster') return unavailable(name, gives, 'not a cluster');
  if (!hasSlotStats(info)) return unavailable(name, gives, `${named(info)} has none: Valkey 8.0 or Redis 8.2`);
  try {
    const { size } = parseSlotStats(requireValue(answers.get('slotStats')));
    if (size === 0) return unavailable(name, gives, 'the node that was asked owns no slot now; ask again');
  } catch (error) {
    return judge(name, gives, failureOf(error));
  }
  return judge(name, gives, failure(answers.get('keysInSlot')));
}

const SESSION_RULES = '+hotkeys|start +hotkeys|stop +hotkeys|reset';
const TOP_K_REMEDY = 'CONFIG SET hotkeys-top-k 64';

/** Nothing read-only tells whether a session may be begun: what is not known is not claimed. */
function hotkeys(info: NodeInfo, config: RedisTargetConfig, answers: Answers): Evidence {
  const [name, gives] = ['HOTKEYS', 'the keys by CPU and bytes, or by calls'];
  const denied = failure(answers.get('hotkeys'));
  if (denied?.code === 'unsupported')
    return unavailable(name, gives, `${named(info)} has none: Redis 8.6 or Valkey 9.2`);
  if (!config.probe.hotkeys)
    return unavailable(name, gives, 'switched off in our configuration', 'probe.hotkeys: true of the target');
  if (denied !== undefined) return judge(name, gives, denied);
  if (info.server === 'redis')
    return judge(name, gives, undefined, `HOTKEYS GET answers; not verified: needs ${SESSION_RULES}`);
  const topK = settingOf(answers.get('hotkeysTopK'));
  if (topK === '0') return unavailable(name, gives, 'switched off: hotkeys-top-k is 0', TOP_K_REMEDY);
  return topK === undefined
    ? judge(name, gives, undefined, 'HOTKEYS GET answers; not verified: needs hotkeys-top-k above 0')
    : judge(name, gives, undefined);
}

/** The value in a reply to CONFIG GET of one setting; undefined where it was refused or there is none. */
function settingOf(reply: Reply | undefined): string | undefined {
  const value: unknown = reply?.ok === true && Array.isArray(reply.value) ? reply.value[1] : undefined;
  return typeof value === 'string' ? value : undefined;
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
