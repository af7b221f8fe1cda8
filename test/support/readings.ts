/** Builders of readings for tests of the core: loads a second by node and slot, in the shapes a collector returns. */
import type { Thresholds } from '../../src/detect/thresholds.ts';
import type {
  Absence,
  Cost,
  KeyShare,
  ProbeResult,
  Reading,
  Resource,
  Sample,
  Scope,
  SlotOwner,
  SlotTopology,
} from '../../src/model.ts';

export const MASTERS: Scope = { name: 'masters', grain: 'node', partName: 'slots' };
export const SLOTS: Scope = { name: 'slots', grain: 'fine', ownedBy: 'masters' };

export const CALLS: Resource = { name: 'calls', unit: 'calls', kind: 'count', role: 'load', floor: 100 };
export const CPU: Resource = { name: 'cpu', unit: 'cores', kind: 'level', role: 'load', floor: 0.2 };
export const BYTES: Resource = { name: 'bytes_out', unit: 'bytes', kind: 'count', role: 'load', floor: 1_000_000 };
export const LATENCY: Resource = { name: 'latency_p99', unit: 'seconds', kind: 'level', role: 'symptom', floor: 0.001 };
const DETAIL: Resource = { name: 'reads', unit: 'calls', kind: 'count', role: 'detail', floor: 0 };
export const RESOURCES: readonly Resource[] = [
  CPU,
  CALLS,
  BYTES,
  DETAIL,
  { ...DETAIL, name: 'writes' },
  { ...DETAIL, name: 'increments' },
  LATENCY,
];

/** As configured by default; test/src/detect/thresholds.test.ts holds the two together. */
export const DEFAULTS: Thresholds = {
  openSkew: 0.45,
  resolveSkew: 0.3,
  suspectSkew: 0.2,
  openAfterTicks: 2,
  resolveAfterTicks: 3,
  openPressure: 0.8,
  dominantKeyShare: 0.2,
};

export const NO_COST: Cost = { durationMs: 0, commands: 0, bytesSent: 0, bytesReceived: 0 };

/** Per second, but `cpu` in cores and `latency_p99` in seconds; `slots` is how many it owns. */
export interface NodeLoad {
  readonly calls?: number;
  readonly cpu?: number;
  readonly bytes_out?: number;
  readonly reads?: number;
  readonly writes?: number;
  readonly increments?: number;
  readonly latency_p99?: number;
  readonly slots?: number;
  readonly callsLimit?: number;
}

export interface SlotLoad {
  readonly slot: number;
  readonly owner: string;
  readonly cpu: number;
}

export interface ReadingOptions {
  readonly windowMs?: number;
  readonly slots?: readonly SlotLoad[];
  readonly absences?: readonly Absence[];
  readonly topology?: Reading['topology'];
  readonly target?: string;
}

/** CPU is out of one core. */
export function readingOf(nodes: Readonly<Record<string, NodeLoad>>, options: ReadingOptions = {}): Reading {
  const { windowMs = 10_000, slots = [], absences = [], topology = { kind: 'none' }, target = 'shop' } = options;
  const samples: Sample[] = [];
  for (const [peer, load] of Object.entries(nodes)) {
    const values = new Map(Object.entries(load));
    for (const { name, kind } of RESOURCES) {
      const value = values.get(name);
      if (value === undefined) continue;
      samples.push({
        scope: 'masters',
        peer,
        resource: name,
        value: kind === 'count' ? (value * windowMs) / 1000 : value,
        windowMs,
        ...(load.slots !== undefined && { parts: load.slots }),
        ...(name === 'cpu' && { limit: 1 }),
        ...(name === 'calls' && load.callsLimit !== undefined && { limit: load.callsLimit }),
        ...(name === 'bytes_out' && load.calls !== undefined && { events: (load.calls * windowMs) / 1000 }),
      });
    }
  }
  for (const { slot, owner, cpu } of slots) {
    samples.push({ scope: 'slots', peer: String(slot), resource: 'cpu', value: cpu, windowMs, limit: 1, owner });
  }
  return {
    system: 'redis',
    target,
    scopes: [MASTERS, SLOTS],
    resources: RESOURCES,
    samples,
    absences,
    topology,
    cost: NO_COST,
  };
}

export function absenceOf(peer: string, code: Absence['code'] = 'unreachable', reason = 'connection refused'): Absence {
  return { scope: 'masters', peer, code, reason };
}

/** Masters of a cluster with contiguous ranges of the given sizes, which should add up to 16,384. */
export function clusterOf(slotsByPeer: Readonly<Record<string, number>>, clients?: number): SlotTopology {
  const masters: SlotOwner[] = [];
  let first = 0;
  for (const [peer, count] of Object.entries(slotsByPeer)) {
    masters.push({
      peer,
      nodeId: `id-${peer}`,
      ranges: [[first, first + count - 1]],
      replicas: [],
      ...(clients !== undefined && { clients }),
    });
    first += count;
  }
  return { kind: 'slots', cluster: true, masters };
}

/** `count` masters named a, b, c … with as many slots each as can be. */
export function evenCluster(count: number, clients?: number): SlotTopology {
  const bounds = Array.from({ length: count + 1 }, (_, i) => Math.round((i * 16_384) / count));
  const sizes = Array.from(
    { length: count },
    (_, i) => [peerName(i), (bounds[i + 1] ?? 0) - (bounds[i] ?? 0)] as const,
  );
  return clusterOf(Object.fromEntries(sizes), clients);
}

export function peerName(index: number): string {
  return index < 26 ? String.fromCharCode(97 + index) : `n${index}`;
}

export function probeOf(keys: readonly KeyShare[], absences: readonly Absence[] = []): ProbeResult {
  return { keys, absences, cost: NO_COST };
}

/** A key whose share is known to within a tenth of itself. */
export function keyOf(key: string, share: number, more: Partial<KeyShare> = {}): KeyShare {
  return { key, share, low: Math.max(0, share - 0.03), high: Math.min(1, share + 0.03), evidence: 'a test', ...more };
}
