/** A fixed view of the agent for the tests of the exposition: everything in it is constant, hostile text included. */

import type { AgentView } from '../../../src/expose/view.ts';
import type { Cost, Finding, PeerLoad, Signal, TargetStatus, TargetTotals } from '../../../src/model.ts';

/** A key that tries to leave a label value, an HTML attribute and an HTML element. */
export const HOSTILE_KEY = 'k\\"}\n</td><script>alert(\'1\')</script>&"';

const COST: Cost = { durationMs: 1500, commands: 40, bytesSent: 2000, bytesReceived: 90000, serverCpuSeconds: 0.02 };

const NO_COST: Cost = { durationMs: 0, commands: 0, bytesSent: 0, bytesReceived: 0 };

export const TOTALS: TargetTotals = {
  polls: { ok: 7, partial: 2, failed: 1 },
  pollsSkipped: 1,
  probes: { ok: 2, failed: 0, over_budget: 1 },
  poll: COST,
  probe: { durationMs: 250, commands: 3, bytesSent: 100, bytesReceived: 500 },
  hotspotsOpened: 2,
  hotspotsResolved: 1,
};

export function peerLoads(values: readonly number[]): readonly PeerLoad[] {
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value, index) => ({
    peer: `10.0.0.${index + 1}:6379`,
    value,
    share: value / total,
    timesFair: (value * values.length) / total,
  }));
}

export const CALLS: Signal = {
  scope: { name: 'masters', grain: 'node', partName: 'slots' },
  resource: { name: 'calls', unit: 'calls', kind: 'count', role: 'load', floor: 100 },
  peers: peerLoads([7500, 1500, 1000]),
  absent: 1,
  skew: 0.625,
  skewPerPart: 0.5,
  pressure: 0.75,
  events: 100000,
  noise: 250,
};

export const MEMORY: Signal = {
  scope: { name: 'masters', grain: 'node' },
  resource: { name: 'memory', unit: 'bytes', kind: 'level', role: 'symptom', floor: 1e6 },
  peers: peerLoads([4000, 3000, 1000]),
  absent: 0,
  undecided: 'idle',
  events: 0,
  noise: 0,
};

export const FINDING: Finding = {
  id: 'a1b2c3d4',
  system: 'redis',
  target: 'shop',
  scope: 'masters',
  peer: '10.0.0.1:6379',
  state: 'open',
  severity: 'warning',
  since: '2026-01-02T03:04:05.000Z',
  updated: '2026-01-02T03:05:05.000Z',
  signals: [
    { scope: 'masters', resource: 'calls', unit: 'calls', skew: 0.625, pressure: 0.75, peers: 3, hottest: CALLS.peers },
  ],
  keys: [
    { key: 'product:99', share: 0.6, low: 0.55, high: 0.65, reads: 0.99, evidence: 'MONITOR burst' },
    { key: HOSTILE_KEY, low: 0, high: 0.1, evidence: 'LFU' },
  ],
  cause: { id: 'hot_read_key', statement: 'product:99 takes 60 % of the calls', evidence: ['reads 99 %'], missing: [] },
  recommendations: [
    {
      mitigation: 'key_replication',
      parameters: { copies: 3 },
      expected: { skew: 0.1, pressure: 0.4, peerLoadRatio: 0.45 },
      tradeoff: 'Readers may see an old copy for a moment.',
      apply: 'GET product:99:{i}',
    },
    {
      mitigation: 'local_cache',
      parameters: { ttlSeconds: 1 },
      expected: { peerLoadRatio: 0.4 },
      tradeoff: 'A value may be a second old.',
      apply: 'cache.ttl = 1',
    },
  ],
};

export const SHOP: TargetStatus = {
  target: 'shop',
  system: 'redis',
  lastPoll: '2026-01-02T03:05:05.500Z',
  outcome: 'partial',
  signals: [CALLS, MEMORY],
  findings: [
    FINDING,
    {
      ...FINDING,
      id: 'e5f6',
      peer: '10.0.0.2:6379',
      state: 'suspected',
      severity: 'info',
      keys: [],
      recommendations: [],
    },
    { ...FINDING, id: '0789', peer: '10.0.0.3:6379', state: 'resolved' },
  ],
  absences: [
    { scope: 'masters', peer: '10.0.0.4:6379', code: 'timeout', reason: 'no answer in 5 s' },
    { scope: 'slots', code: 'disabled', reason: 'slot statistics are off', remedy: 'CONFIG SET …' },
  ],
  standingKeys: [
    {
      scope: 'masters',
      peer: '10.0.0.2:6379',
      at: '2026-01-02T03:00:00.000Z',
      keys: [{ key: HOSTILE_KEY, share: 0.12, low: 0.1, high: 0.2, evidence: 'OBJECT FREQ' }],
    },
  ],
  totals: TOTALS,
};

export const DOWN: TargetStatus = {
  target: 'orders',
  system: 'redis',
  lastPoll: '2026-01-02T03:05:06.000Z',
  outcome: 'failed',
  error: { code: 'unauthenticated', reason: 'WRONGPASS <b>no</b>' },
  signals: [CALLS],
  findings: [],
  absences: [],
  standingKeys: [],
  totals: { ...TOTALS, polls: { ok: 0, partial: 0, failed: 4 } },
};

export const NEW: TargetStatus = {
  target: 'new',
  system: 'redis',
  signals: [],
  findings: [],
  absences: [],
  standingKeys: [],
  totals: {
    polls: { ok: 0, partial: 0, failed: 0 },
    pollsSkipped: 0,
    probes: { ok: 0, failed: 0, over_budget: 0 },
    poll: NO_COST,
    probe: NO_COST,
    hotspotsOpened: 0,
    hotspotsResolved: 0,
  },
};

/** A view whose statuses and readiness a test may replace. */
export interface SampleView extends AgentView {
  statuses: readonly TargetStatus[];
  readiness: { ready: boolean; reason: string };
}

export function sampleView(statuses: readonly TargetStatus[] = [SHOP, DOWN, NEW]): SampleView {
  return {
    statuses,
    readiness: { ready: true, reason: 'every target was polled' },
    targets() {
      return this.statuses;
    },
    ready() {
      return this.readiness;
    },
    startedAt: new Date('2026-01-02T03:00:00Z'),
    version: '9.9.9',
  };
}
