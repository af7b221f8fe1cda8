/**
 * Watches Redis and Valkey: standalone servers, the master behind Sentinel, or the masters of a cluster.
 *
 *     start: dial a seed, learn the mode         poll: topology → every master in parallel → samples and absences
 *     probe: one master, bounded (probe/)        evidence: what could be asked of it (evidence.ts)
 */
import type {
  Absence,
  Collector,
  Cost,
  Evidence,
  HotspotRef,
  PollOptions,
  ProbeResult,
  Reading,
  SlotTopology,
  Survey,
} from '../../src/model.ts';
import type { CollectorDeps } from '../shared/collector-deps.ts';
import { withDeadline } from '../shared/deadline.ts';
import { absenceOf, Failure } from '../shared/failures.ts';
import { nameOf } from './access.ts';
import type { RedisTargetConfig } from './config.ts';
import { failureOf } from './errors.ts';
import { isLfu, listEvidence } from './evidence.ts';
import { type MasterLook, MasterPoller } from './master-poller.ts';
import { RedisNode } from './node.ts';
import type { ProbeContext } from './probe/context.ts';
import { nameKeys, type ProbeFinding, surveyKeys } from './probe/index.ts';
import { KeyNames } from './probe/key-names.ts';
import { readInfo } from './read-info.ts';
import { MASTERS, RESOURCES, SLOTS } from './resources.ts';
import { ownCpuOf } from './samples.ts';
import type { Master } from './topology.ts';
import { TopologyFinder } from './topology-finder.ts';

export class RedisCollector implements Collector {
  readonly #config: RedisTargetConfig;
  readonly #deps: CollectorDeps;
  readonly #finder: TopologyFinder;
  readonly #nodes = new Map<string, RedisNode>();
  readonly #surveyedAt = new Map<string, number>();
  readonly #poller: MasterPoller;
  #masters: readonly Master[] = [];
  /** Why the masters could not be asked for last; those known before are then watched on. */
  #lost: Failure | undefined;
  #cluster = false;

  constructor(config: RedisTargetConfig, deps: CollectorDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#finder = new TopologyFinder(config, (address) => this.#node(address), deps.nodeDeadlineMs);
    this.#poller = new MasterPoller({
      limits: config.limits,
      slotsEveryMs: config.slotStats.intervalMs,
      deadlineMs: deps.nodeDeadlineMs,
      now: deps.now,
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#refreshTopology(signal);
  }

  async poll({ signal, attentive }: PollOptions): Promise<Reading> {
    const startedAt = this.#deps.now();
    const usedBefore = this.#usage();
    await this.#refreshTopology(signal);
    const slots = !this.#cluster ? 'never' : attentive ? 'now' : 'when due';
    const results = await Promise.all(
      this.#masters.map((master) => this.#poller.poll(master, this.#node(master.address), slots, signal)),
    );
    const samples = results.flatMap((result) => result.samples);
    const absences = results.flatMap((result) => result.absences);
    const [firstAbsence] = absences;
    if (samples.length === 0 && results.every((result) => result.clients === undefined) && firstAbsence !== undefined) {
      throw new Failure(firstAbsence.code, firstAbsence.reason, { remedy: firstAbsence.remedy });
    }
    let ownCpuSeconds = 0;
    for (const result of results) ownCpuSeconds += result.ownCpuSeconds;
    return {
      system: 'redis',
      target: this.#config.name,
      scopes: [MASTERS, SLOTS],
      resources: RESOURCES,
      samples,
      absences: [...absences, ...this.#lostTopology()],
      topology: this.#topology(results),
      cost: { ...this.#costSince(usedBefore, startedAt), serverCpuSeconds: ownCpuSeconds },
    };
  }

  async probe(hotspot: HotspotRef, signal: AbortSignal): Promise<ProbeResult> {
    const master = this.#masters.find(({ peer }) => peer === hotspot.peer);
    if (master === undefined) throw new Failure('moved', `${hotspot.peer} is no longer a master`);
    return this.#look(master, signal, nameKeys);
  }

  /** Of the master that has waited longest. Without LFU counters a sweep costs as much and tells less of standing keys. */
  async survey(signal: AbortSignal): Promise<Survey | undefined> {
    const waiting = this.#masters
      .filter(({ peer }) => {
        const info = this.#poller.infoOf(peer);
        return info !== undefined && isLfu(info);
      })
      .sort((a, b) => (this.#surveyedAt.get(a.peer) ?? 0) - (this.#surveyedAt.get(b.peer) ?? 0));
    const [master] = waiting;
    if (master === undefined) return undefined;
    this.#surveyedAt.set(master.peer, this.#deps.now());
    return { scope: MASTERS.name, peer: master.peer, ...(await this.#look(master, signal, surveyKeys)) };
  }

  async #look(
    { peer, address }: Master,
    signal: AbortSignal,
    name: (context: ProbeContext) => Promise<ProbeFinding>,
  ): Promise<ProbeResult> {
    const startedAt = this.#deps.now();
    const parent = this.#node(address);
    const node = parent.duplicate();
    try {
      const found = await withDeadline(signal, this.#config.probe.maxDurationMs, async (budget) => {
        const info = await readInfo(node, budget);
        return name({ node, info, config: this.#config, names: new KeyNames(), signal: budget, ...this.#deps });
      });
      const cpu = await this.#ownCpu(node, signal);
      const used = node.usageOfAll;
      return {
        keys: found.keys,
        absences: found.failures.map((failure) => absenceOf(failure, { scope: 'keys', peer })),
        cost: {
          durationMs: this.#deps.now() - startedAt,
          commands: used.commands,
          bytesSent: used.bytesSent,
          bytesReceived: used.bytesReceived,
          ...(cpu !== undefined && { serverCpuSeconds: cpu }),
        },
      };
    } finally {
      parent.end(node);
    }
  }

  async evidence(signal: AbortSignal): Promise<readonly Evidence[]> {
    await this.#refreshTopology(signal);
    let last: Failure | undefined;
    for (const master of this.#masters) {
      const node = this.#node(master.address);
      try {
        const info = await readInfo(node, signal);
        return await listEvidence(node, info, { config: this.#config, ranges: master.ranges, signal });
      } catch (error) {
        last = failureOf(error);
      }
    }
    throw last ?? new Failure('unreachable', 'the target has no master');
  }

  async stop(): Promise<void> {
    this.#finder.close();
    for (const node of this.#nodes.values()) node.close();
    this.#nodes.clear();
  }

  #node(address: Master['address']): RedisNode {
    const name = nameOf(address);
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const node = new RedisNode(address, this.#config);
    this.#nodes.set(name, node);
    return node;
  }

  async #refreshTopology(signal: AbortSignal): Promise<void> {
    try {
      const found = await withDeadline(signal, this.#deps.nodeDeadlineMs, (within) =>
        this.#finder.find(this.#masters, within),
      );
      this.#masters = found.masters;
      this.#cluster = found.cluster;
      this.#lost = undefined;
    } catch (error) {
      // With no one to ask, the masters as they were are still worth asking each for itself.
      if (this.#masters.length === 0) throw error;
      this.#lost = failureOf(error);
    }
    const peers = new Set(this.#masters.map(({ peer }) => peer));
    this.#poller.retain(peers);
    for (const [name, node] of this.#nodes) {
      if (peers.has(name) || this.#finder.isSeed(name)) continue;
      node.close();
      this.#nodes.delete(name);
      this.#surveyedAt.delete(name);
    }
  }

  #lostTopology(): Absence[] {
    if (this.#lost === undefined) return [];
    const { code, message, remedy } = this.#lost;
    const reason = `who the masters are could not be asked: ${message}; those known before are watched on`;
    return [absenceOf(new Failure(code, reason, { remedy }), { scope: 'topology' })];
  }

  #topology(results: readonly MasterLook[]): SlotTopology {
    return {
      kind: 'slots',
      cluster: this.#cluster,
      masters: this.#masters.map(({ peer, nodeId, ranges, replicas }, index) => {
        const clients = results[index]?.clients;
        return { peer, nodeId, ranges, replicas, ...(clients !== undefined && { clients }) };
      }),
    };
  }

  async #ownCpu(node: RedisNode, signal: AbortSignal): Promise<number | undefined> {
    try {
      const info = await withDeadline(signal, this.#deps.nodeDeadlineMs, (within) => readInfo(node, within));
      return ownCpuOf(node.usageOfAll.byCommand, info);
    } catch {
      return undefined; // what it cost is then not told, rather than told as zero
    }
  }

  #usage(): Omit<Cost, 'durationMs'> {
    const total = { commands: 0, bytesSent: 0, bytesReceived: 0 };
    for (const { usage } of this.#nodes.values()) {
      total.commands += usage.commands;
      total.bytesSent += usage.bytesSent;
      total.bytesReceived += usage.bytesReceived;
    }
    return total;
  }

  /** Nodes that left in between take their sums along: a cost is never negative. */
  #costSince(before: Omit<Cost, 'durationMs'>, startedAt: number): Cost {
    const after = this.#usage();
    return {
      durationMs: this.#deps.now() - startedAt,
      commands: Math.max(0, after.commands - before.commands),
      bytesSent: Math.max(0, after.bytesSent - before.bytesSent),
      bytesReceived: Math.max(0, after.bytesReceived - before.bytesReceived),
    };
  }
}
