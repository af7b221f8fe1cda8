/** One node's INFO and latency histogram → its samples, by the differences since the last look. */
import type { Absence, Sample } from '../../src/model.ts';
import { type CounterGap, type CounterWindow, CounterWindows } from '../shared/counter-windows.ts';
import { isOwnOnly, useOf } from './commands.ts';
import type { RedisLimits } from './config.ts';
import type { NodeInfo } from './info.ts';
import { type Buckets, quantile } from './latency.ts';
import {
  BYTES_IN,
  BYTES_OUT,
  CALLS,
  CPU,
  INCREMENTS,
  LATENCY_P99,
  MASTERS,
  MEMORY,
  READS,
  WRITES,
} from './resources.ts';
import type { NodeUsage } from './usage.ts';

export interface NodeLook {
  readonly peer: string;
  readonly slots: number;
  readonly info: NodeInfo;
  /** Changes when the process behind the counters or the sense of its clock does. */
  readonly epoch: string;
  /** The server's clock where it tells it, ours otherwise. */
  readonly atMs: number;
  /** What we ourselves sent since the connection began: it is not the application's load. */
  readonly usage: NodeUsage;
  readonly buckets?: Buckets;
}

export interface NodeSamples {
  readonly samples: readonly Sample[];
  readonly absences: readonly Absence[];
  /** CPU that the server spent on our own commands in the window. */
  readonly ownCpuSeconds: number;
}

export class NodeWindows {
  readonly #windows = new CounterWindows();
  readonly #limits: RedisLimits;

  constructor(limits: RedisLimits) {
    this.#limits = limits;
  }

  observe(look: NodeLook): NodeSamples {
    const { peer, slots, info, epoch, atMs, usage, buckets } = look;
    const at = (name: string, counters: ReadonlyMap<string, number>) =>
      this.#windows.observe(`${peer}/${name}`, epoch, atMs, counters);
    const calls =
      info.commands.size === 0
        ? 'untold'
        : at('calls', new Map([...info.commands].map(([name, stats]) => [name, stats.calls])));
    const { mainThreadCpuSeconds, netInputBytes, netOutputBytes, usedMemory } = info;
    const cpu = mainThreadCpuSeconds === undefined ? 'untold' : at('cpu', new Map([['cpu', mainThreadCpuSeconds]]));
    const net =
      netInputBytes === undefined || netOutputBytes === undefined
        ? 'untold'
        : at(
            'net',
            new Map([
              ['in', netInputBytes],
              ['out', netOutputBytes],
            ]),
          );
    const own = at(
      'own',
      new Map([...usage.byCommand, ['\u0000sent', usage.bytesSent], ['\u0000received', usage.bytesReceived]]),
    );
    const latency = buckets && at('latency', new Map([...buckets].map(([upper, count]) => [String(upper), count])));

    const ownCounts = isGap(own) ? new Map<string, number>() : own.counts;
    const commandUsec = at('usec', new Map([['usec', totalOf([...info.commands.values()].map(({ usec }) => usec))]]));
    const ownCpuSeconds = ownCpuOf(ownCounts, info) + ownOverhead(cpu, commandUsec, calls, ownCounts);
    const samples: Sample[] = [];
    const absences: Absence[] = [];
    if (usedMemory === undefined) absences.push(gap(peer, MEMORY.name, 'untold'));
    else samples.push(level(MEMORY.name, usedMemory, info.maxMemory > 0 ? info.maxMemory : undefined));

    if (isGap(cpu)) absences.push(gap(peer, CPU.name, cpu));
    else {
      const cores = Math.max(0, (cpu.counts.get('cpu') ?? 0) - ownCpuSeconds) / (cpu.windowMs / 1000);
      samples.push(level(CPU.name, cores, this.#limits.cpuCores));
    }
    let events = 0;
    if (isGap(calls)) {
      for (const { name } of [CALLS, READS, WRITES, INCREMENTS]) absences.push(gap(peer, name, calls));
    } else {
      const totals = { reads: 0, writes: 0, increments: 0, other: 0 };
      for (const [name, count] of calls.counts) {
        if (!isOwnOnly(name)) totals[useOf(name)] += Math.max(0, count - (ownCounts.get(name) ?? 0));
      }
      events = totals.reads + totals.writes + totals.increments + totals.other;
      samples.push(count(CALLS.name, events, calls.windowMs, this.#limits.callsPerSecond));
      samples.push(count(READS.name, totals.reads, calls.windowMs));
      samples.push(count(WRITES.name, totals.writes, calls.windowMs));
      samples.push(count(INCREMENTS.name, totals.increments, calls.windowMs));
    }
    if (isGap(net) || isGap(calls)) {
      const reason = isGap(net) ? net : isGap(calls) ? calls : 'warming';
      for (const { name } of [BYTES_IN, BYTES_OUT]) absences.push(gap(peer, name, reason));
    } else {
      const received = Math.max(0, (net.counts.get('in') ?? 0) - (ownCounts.get('\u0000sent') ?? 0));
      const sent = Math.max(0, (net.counts.get('out') ?? 0) - (ownCounts.get('\u0000received') ?? 0));
      samples.push({ ...count(BYTES_IN.name, received, net.windowMs, this.#limits.bytesInPerSecond), events });
      samples.push({ ...count(BYTES_OUT.name, sent, net.windowMs, this.#limits.bytesOutPerSecond), events });
    }
    if (latency !== undefined) {
      if (isGap(latency)) absences.push(gap(peer, LATENCY_P99.name, latency));
      else {
        const p99 = quantile(new Map([...latency.counts].map(([upper, n]) => [Number(upper), n])), 0.99);
        if (p99 !== undefined) samples.push(level(LATENCY_P99.name, p99));
      }
    }
    return { samples, absences, ownCpuSeconds };

    function level(resource: string, value: number, limit?: number): Sample {
      return count(resource, value, 0, limit);
    }
    function count(resource: string, value: number, windowMs: number, limit?: number): Sample {
      return {
        scope: MASTERS.name,
        peer,
        resource,
        value,
        windowMs,
        ...(slots > 0 && { parts: slots }),
        ...(limit !== undefined && { limit }),
      };
    }
  }

  retain(peers: ReadonlySet<string>): void {
    this.#windows.retain((series) => peers.has(series.slice(0, series.lastIndexOf('/'))));
  }
}

/** `untold`: INFO of this server does not have it, at least not in this reply. */
type Gap = CounterGap | 'untold';

function isGap<T>(window: T | Gap): window is Gap {
  return window === 'warming' || window === 'reset' || window === 'untold';
}

const GAP_REASONS: Readonly<Record<Gap, string>> = {
  untold: 'its reply to INFO all does not tell it',
  warming: 'a first look: a count needs two',
  reset: 'its counters went back (a restart, a failover or CONFIG RESETSTAT): the next window counts again',
};

function gap(peer: string, resource: string, why: Gap): Absence {
  const code = why === 'untold' ? 'unsupported' : why;
  return { scope: MASTERS.name, peer, resource, code, reason: GAP_REASONS[why] };
}

/**
 * What the main thread spent beside running commands (reading, parsing, writing), as our part of all calls: a sweep of
 * short commands costs more there than in the commands themselves.
 */
function ownOverhead(
  cpu: CounterWindow | Gap,
  commandUsec: CounterWindow | Gap,
  calls: CounterWindow | Gap,
  own: ReadonlyMap<string, number>,
): number {
  if (isGap(cpu) || isGap(commandUsec) || isGap(calls)) return 0;
  const beside = (cpu.counts.get('cpu') ?? 0) - (commandUsec.counts.get('usec') ?? 0) / 1e6;
  const all = totalOf([...calls.counts.values()]);
  let ours = 0;
  for (const [name, count] of calls.counts) ours += Math.min(count, own.get(name) ?? 0);
  return all > 0 ? (Math.max(0, beside) * ours) / all : 0;
}

function totalOf(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Our commands at the mean cost that the server itself gives for each, in seconds. */
export function ownCpuOf(own: ReadonlyMap<string, number>, info: NodeInfo): number {
  let usec = 0;
  for (const [name, count] of own) {
    const stats = info.commands.get(name);
    if (stats !== undefined && stats.calls > 0) usec += count * (stats.usec / stats.calls);
  }
  return usec / 1e6;
}
