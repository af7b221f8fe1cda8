/** What the loads of Redis are of, and the sets of peers that share them. */
import type { Resource, Scope } from '../../src/model.ts';

export const MASTERS: Scope = { name: 'masters', grain: 'node', partName: 'slots' };
export const SLOTS: Scope = { name: 'slots', grain: 'fine', ownedBy: 'masters' };

/**
 * CPU is of the main thread, which alone runs commands. A node 20 points above the mean is CockroachDB's bar for a
 * hot node. The other floors keep a fleet silent that no one would call busy.
 */
export const CPU = { name: 'cpu', unit: 'cores', kind: 'level', role: 'load', floor: 0.2 } as const satisfies Resource;
export const CALLS = {
  name: 'calls',
  unit: 'calls',
  kind: 'count',
  role: 'load',
  floor: 100,
} as const satisfies Resource;
export const BYTES_IN = {
  name: 'bytes_in',
  unit: 'bytes',
  kind: 'count',
  role: 'load',
  floor: 1_000_000,
} as const satisfies Resource;
export const BYTES_OUT = {
  name: 'bytes_out',
  unit: 'bytes',
  kind: 'count',
  role: 'load',
  floor: 1_000_000,
} as const satisfies Resource;
export const READS = {
  name: 'reads',
  unit: 'calls',
  kind: 'count',
  role: 'detail',
  floor: 0,
} as const satisfies Resource;
export const WRITES = { ...READS, name: 'writes' } as const satisfies Resource;
export const INCREMENTS = { ...READS, name: 'increments' } as const satisfies Resource;
/** Of all commands together, of the window: by the server's own clock, without the network. */
export const LATENCY_P99 = {
  name: 'latency_p99',
  unit: 'seconds',
  kind: 'level',
  role: 'symptom',
  floor: 0.001,
} as const satisfies Resource;
export const MEMORY = {
  name: 'memory',
  unit: 'bytes',
  kind: 'level',
  role: 'symptom',
  floor: 100_000_000,
} as const satisfies Resource;

export const RESOURCES: readonly Resource[] = [
  CPU,
  CALLS,
  BYTES_IN,
  BYTES_OUT,
  READS,
  WRITES,
  INCREMENTS,
  LATENCY_P99,
  MEMORY,
];
