/** One look at one master: what it says of itself, in one pipeline, as samples and absences. */
import type { Absence, Sample } from '../../src/model.ts';
import { ClockSteps } from '../shared/clock-steps.ts';
import { withDeadline } from '../shared/deadline.ts';
import { absenceOf, Failure } from '../shared/failures.ts';
import { OWN_COMMANDS } from './commands.ts';
import type { RedisLimits } from './config.ts';
import { failureOf } from './errors.ts';
import { hasLatencyHistogram, hasSlotStats } from './evidence.ts';
import { type NodeInfo, parseInfo } from './info.ts';
import { parseLatencyHistogram } from './latency.ts';
import { type CommandLine, type RedisNode, type Reply, requireValue } from './node.ts';
import { LATENCY_P99, MASTERS, SLOTS } from './resources.ts';
import { NodeWindows } from './samples.ts';
import { parseSlotStats, SlotWindows } from './slot-stats.ts';
import { countSlots, type Master } from './topology.ts';
import type { NodeUsage } from './usage.ts';

export interface MasterLook {
  readonly samples: readonly Sample[];
  readonly absences: readonly Absence[];
  readonly clients?: number;
  readonly ownCpuSeconds: number;
}

/** Whether a poll reads the slots: outside a cluster never, while something is suspected always. */
export type SlotReading = 'never' | 'when due' | 'now';

/** What the slots of a master said last, which holds until they are read again. */
interface SlotLook {
  readonly runId: string;
  readonly samples: readonly Sample[];
  readonly absences: readonly Absence[];
}

export interface MasterPollerOptions {
  readonly limits: RedisLimits;
  /** How often the slots are read when due: no look at them that is older is ever returned. */
  readonly slotsEveryMs: number;
  /** How long one master may take. */
  readonly deadlineMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

export class MasterPoller {
  readonly #limits: RedisLimits;
  readonly #slotsEveryMs: number;
  readonly #deadlineMs: number;
  readonly #now: () => number;
  readonly #infos = new Map<string, NodeInfo>();
  readonly #nodeWindows: NodeWindows;
  readonly #slotWindows = new SlotWindows();
  /** When the slots of a master were asked for last; missing when they are to be at its next poll. */
  readonly #slotsAskedAtMs = new Map<string, number>();
  readonly #slotLooks = new Map<string, SlotLook>();
  readonly #clocks = new ClockSteps();

  constructor({ limits, slotsEveryMs, deadlineMs, now }: MasterPollerOptions) {
    this.#limits = limits;
    this.#slotsEveryMs = slotsEveryMs;
    this.#deadlineMs = deadlineMs;
    this.#now = now;
    this.#nodeWindows = new NodeWindows(limits);
  }

  /** What a master said of itself last; undefined before its first answer. */
  infoOf(peer: string): NodeInfo | undefined {
    return this.#infos.get(peer);
  }

  /** Forgets masters that left. */
  retain(peers: ReadonlySet<string>): void {
    this.#nodeWindows.retain(peers);
    this.#slotWindows.retain(peers);
    this.#clocks.retain(peers);
    for (const kept of [this.#infos, this.#slotsAskedAtMs, this.#slotLooks]) {
      for (const peer of kept.keys()) if (!peers.has(peer)) kept.delete(peer);
    }
  }

  /** Never rejects: a master that does not answer is an absence with its reason. */
  async poll(master: Master, node: RedisNode, slots: SlotReading, signal: AbortSignal): Promise<MasterLook> {
    const { peer } = master;
    const known = this.#infos.get(peer);
    const askLatency = known === undefined || hasLatencyHistogram(known);
    const askSlots = this.#isDue(peer, slots) && (known === undefined || hasSlotStats(known));
    const lines: CommandLine[] = [];
    if (askLatency) lines.push(['LATENCY', 'HISTOGRAM']);
    if (askSlots) {
      lines.push(['CLUSTER', 'SLOT-STATS', 'SLOTSRANGE', 0, 16_383]);
      this.#slotsAskedAtMs.set(peer, this.#now());
    }
    // Last, so that it counts what the commands before it took; their replies are sent only after it.
    lines.push(['INFO', 'all']);
    try {
      const { bytesReceived } = node.usageOfAll;
      const replies = await withDeadline(signal, this.#deadlineMs, (within) => node.pipeline(lines, within));
      const info = parseInfo(String(requireValue(replies.at(-1))));
      const usage = { ...node.usageOfAll, bytesReceived };
      if (info.loading) throw new Failure('loading', `${peer} is loading its data`);
      if (info.role !== 'master') throw new Failure('moved', `${peer} is no longer a master`);
      this.#infos.set(peer, info);
      return this.#read(
        master,
        usage,
        info,
        askLatency ? replies[0] : undefined,
        askSlots ? replies.at(-2) : undefined,
      );
    } catch (error) {
      this.#slotLooks.delete(peer);
      // One whom its slots may have overburdened is not asked for them again before they are due.
      if (!askSlots) this.#slotsAskedAtMs.delete(peer);
      return { samples: [], absences: [absenceOf(failureOf(error), { scope: MASTERS.name, peer })], ownCpuSeconds: 0 };
    }
  }

  #read(
    master: Master,
    usage: NodeUsage,
    info: NodeInfo,
    latencyReply: Reply | undefined,
    slotsReply: Reply | undefined,
  ): MasterLook {
    const { peer } = master;
    const absences: Absence[] = [];
    const atMs = info.serverTimeMs ?? this.#now();
    const epoch = `${info.runId} ${this.#clocks.check(peer, atMs, this.#now())}`;
    const buckets = attempt(
      () => (latencyReply === undefined ? undefined : parseLatencyHistogram(requireValue(latencyReply), OWN_COMMANDS)),
      (failure) => {
        if (failure.code === 'unsupported') return;
        absences.push(absenceOf(failure, { scope: MASTERS.name, peer, resource: LATENCY_P99.name }));
      },
    );
    const seen = this.#nodeWindows.observe({
      peer,
      slots: countSlots(master.ranges),
      info,
      epoch,
      atMs,
      usage,
      ...(buckets !== undefined && { buckets }),
    });
    const slots =
      slotsReply === undefined ? this.#lastSlots(peer, info) : this.#readSlots(peer, slotsReply, info, epoch, atMs);
    return {
      samples: [...seen.samples, ...slots.samples],
      absences: [...absences, ...seen.absences, ...slots.absences],
      clients: info.clients,
      ownCpuSeconds: seen.ownCpuSeconds,
    };
  }

  #isDue(peer: string, slots: SlotReading): boolean {
    if (slots !== 'when due') return slots === 'now';
    const askedAtMs = this.#slotsAskedAtMs.get(peer);
    return askedAtMs === undefined || this.#now() - askedAtMs >= this.#slotsEveryMs;
  }

  #readSlots(peer: string, reply: Reply, info: NodeInfo, epoch: string, atMs: number): SlotLook {
    let failed: Failure | undefined;
    const samples = attempt(
      () => {
        const loads = parseSlotStats(requireValue(reply));
        const seen = this.#slotWindows.observe(peer, epoch, atMs, loads, this.#limits.cpuCores);
        if (seen === undefined) throw new Failure('warming', 'a first look: a count needs two');
        return seen;
      },
      (failure) => {
        if (hasSlotStats(info)) failed = failure;
      },
    );
    const absences = failed === undefined ? [] : [absenceOf(failed, { scope: SLOTS.name, peer })];
    const look = { runId: info.runId, samples: samples ?? [], absences };
    this.#slotLooks.set(peer, look);
    // A gap that the next look closes is not left open until the slots are due.
    if (absences.some(({ code }) => code === 'warming' || code === 'reset')) this.#slotsAskedAtMs.delete(peer);
    return look;
  }

  /** What they said last, between two readings, unless it was another process that said it. */
  #lastSlots(peer: string, { runId }: NodeInfo): Pick<SlotLook, 'samples' | 'absences'> {
    const last = this.#slotLooks.get(peer);
    if (last?.runId === runId) return last;
    if (this.#slotLooks.delete(peer)) this.#slotsAskedAtMs.delete(peer);
    return { samples: [], absences: [] };
  }
}

function attempt<T>(work: () => T, onFailure: (failure: Failure) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    onFailure(failureOf(error));
    return undefined;
  }
}
