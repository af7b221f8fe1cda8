/**
 * Every word of the agent as a type. This file imports nothing and runs nothing but the two constant lists
 * from which types are derived; `../README.md` has the words in prose.
 *
 * Data flows one way: a collector polls a target into a `Reading`; the pipeline turns readings into `Signal`s
 * and `Hotspot`s; a probe names `KeyShare`s; diagnosis and planners make the `Finding` that everything shows.
 */

// ── What a collector returns ────────────────────────────────────────────────────────────────────────────────

export type System = 'redis' | 'kafka' | 'cassandra' | 'dynamodb';

/**
 * What a load is of. A `count` is a number of events or units within a window; a `level` is read as it stands.
 * Only a `load` can open a hotspot. A `symptom` (latency, memory) is evidence and a `detail` (reads, writes,
 * increments) says what a load is made of.
 */
export interface Resource {
  readonly name: string;
  readonly unit: 'calls' | 'bytes' | 'cores' | 'seconds' | 'messages' | 'units';
  readonly kind: 'count' | 'level';
  readonly role: 'load' | 'symptom' | 'detail';
  /**
   * How far above its fair load a peer must be before it counts as skewed at all: units per second for a count,
   * the unit itself for a level. Keeps an idle fleet silent.
   */
  readonly floor: number;
}

/**
 * A set of peers that should share their loads. `fine` peers (slots, keys) follow Zipf by nature: they never open
 * a hotspot by skew, they refine the hotspot of their owner in the scope named by `ownedBy`.
 */
export interface Scope {
  readonly name: string;
  readonly grain: 'node' | 'fine';
  readonly ownedBy?: string;
  /** What a peer owns parts of, in the plural ("slots"), when a sample's `parts` is given. */
  readonly partName?: string;
}

/** One load on one peer over one window. Never a raw counter. */
export interface Sample {
  readonly scope: string;
  readonly peer: string;
  readonly resource: string;
  /** A count within `windowMs`, or a level. */
  readonly value: number;
  /** The length of the window of a count, in ms, by the watched server's clock where it has one. */
  readonly windowMs: number;
  /** How many independent events made the count; by default the count itself. 1 MB in 100 replies is 100 events. */
  readonly events?: number;
  /** How many parts (slots, partitions, token ranges) the peer owns. */
  readonly parts?: number;
  /** Where the peer saturates: per second for a count, in the unit for a level. */
  readonly limit?: number;
  /** For a fine peer: the peer of the owning scope that carries it. */
  readonly owner?: string;
}

export const ABSENCE_CODES = [
  'unreachable', // no connection: refused, reset, no route, name not resolved
  'timeout', // connected, but no answer within the deadline
  'tls', // the handshake failed
  'unauthenticated', // wrong or missing password or user
  'forbidden', // authenticated, but a rule forbids the command
  'loading', // the server is loading its data
  'busy', // the server runs a script or function and answers nothing else
  'unsupported', // this version of the server has no such thing
  'disabled', // the server has it, switched off
  'garbage', // the reply does not parse
  'moved', // the peer no longer has what was asked
  'reset', // counters went back: restart, failover or a statistics reset; the next window counts again
  'warming', // the first look: a count needs two
  'occupied', // another operator is using what we need
  'budget', // the target's budget is spent
  'internal', // a defect of ours
] as const;
export type AbsenceCode = (typeof ABSENCE_CODES)[number];

/** A peer, or one resource of it, that should have answered and did not. Never a zero. */
export interface Absence {
  readonly scope: string;
  /** Missing when the whole scope is absent. */
  readonly peer?: string;
  /** Missing when every resource of the peer is absent. */
  readonly resource?: string;
  readonly code: AbsenceCode;
  /** What happened, in words, with no secret in it. */
  readonly reason: string;
  /** The exact command or setting that would mend it. */
  readonly remedy?: string;
}

/** What a poll or probe took from the watched system. */
export interface Cost {
  readonly durationMs: number;
  readonly commands: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** CPU spent by the server on our commands, in seconds; missing where it cannot be told. */
  readonly serverCpuSeconds?: number;
}

/** What one poll returned. */
export interface Reading {
  readonly system: System;
  readonly target: string;
  readonly scopes: readonly Scope[];
  readonly resources: readonly Resource[];
  readonly samples: readonly Sample[];
  readonly absences: readonly Absence[];
  readonly topology: Topology;
  readonly cost: Cost;
}

/** What a planner needs to know of the target's shape. */
export type Topology = SlotTopology | { readonly kind: 'none' };

/** Redis and Valkey: who owns which slots. A standalone server owns all of them. */
export interface SlotTopology {
  readonly kind: 'slots';
  readonly cluster: boolean;
  readonly masters: readonly SlotOwner[];
}
export interface SlotOwner {
  readonly peer: string;
  /** The node's id in the cluster; empty for a standalone server. */
  readonly nodeId: string;
  /** Inclusive ranges. */
  readonly ranges: readonly (readonly [first: number, last: number])[];
  readonly replicas: readonly string[];
  /** Clients connected, an upper bound on the application's instances. */
  readonly clients?: number;
}

/**
 * How a key's accesses are used, each 0..1 and together 1 at most. `increments` are writes that commute (INCRBY and
 * its kin) and can therefore be sharded.
 */
export interface AccessMix {
  readonly reads: number;
  readonly writes: number;
  readonly increments: number;
}

/** A key and its share of its peer's load. The true share is within [low, high]. */
export interface KeyShare {
  readonly key: string;
  /** The best estimate, 0..1; missing where the evidence only bounds it. */
  readonly share?: number;
  readonly low: number;
  readonly high: number;
  readonly mix?: AccessMix;
  /** Which evidence named it, over what, with its weakness, in words. */
  readonly evidence: string;
}

/** What one probe returned: the keys it could name and what it could not see. */
export interface ProbeResult {
  readonly keys: readonly KeyShare[];
  readonly absences: readonly Absence[];
  readonly cost: Cost;
}

export interface Survey extends ProbeResult {
  readonly scope: string;
  readonly peer: string;
}

export interface PollOptions {
  readonly signal: AbortSignal;
  /** True while a hotspot is suspected or open: fine scopes are read every time, not on their slow schedule. */
  readonly attentive: boolean;
}

/** One kind of evidence a target can or cannot give; what `check --connect` lists. */
export interface Evidence {
  readonly name: string;
  readonly gives: string;
  readonly available: boolean;
  /** Why not, or which limits it has. */
  readonly reason: string;
  readonly remedy?: string;
}

/** Contract of everything in `collectors/`. Nothing here writes to the watched system or changes a setting of it. */
export interface Collector {
  /** Dials, for those who want to know at once whether it can be; a poll dials what it needs. Rejects when nothing of the target can be reached. */
  start(signal: AbortSignal): Promise<void>;
  /** Cheap. Rejects only when nothing at all could be read. */
  poll(options: PollOptions): Promise<Reading>;
  /** Costly and bounded; names the keys of one peer. */
  probe?(hotspot: HotspotRef, signal: AbortSignal): Promise<ProbeResult>;
  /**
   * A bounded look at the keys of the peer whose turn it is, hotspot or not, where the evidence for it is cheap; called
   * on a slow schedule. Undefined where no peer has such evidence.
   */
  survey?(signal: AbortSignal): Promise<Survey | undefined>;
  /** What this target can tell, asked live. */
  evidence(signal: AbortSignal): Promise<readonly Evidence[]>;
  stop(): Promise<void>;
}

// ── What the pipeline makes of it ───────────────────────────────────────────────────────────────────────────

export const UNDECIDED_REASONS = [
  'too_few_peers', // fewer than two: nothing to compare with
  'idle', // the whole group is below its floor
  'too_few_events', // chance alone could explain any skew
  'incomplete', // more than half of the peers are absent
  'warming', // the first look
] as const;
export type UndecidedReason = (typeof UNDECIDED_REASONS)[number];

/** A peer's load beside its group's. */
export interface PeerLoad {
  readonly peer: string;
  /** Per second for a count, the level otherwise. */
  readonly value: number;
  /** Of the group's total, 0..1. */
  readonly share: number;
  /** Its load over its fair load; 1 is fair. */
  readonly timesFair: number;
  /** Its own skew score, noise taken off; 0 when it is at or below its fair load. Missing while undecided. */
  readonly skew?: number;
  /** The same score against the parts it owns: about 0 when only the placement is uneven. */
  readonly skewPerPart?: number;
  readonly pressure?: number;
  readonly parts?: number;
  readonly owner?: string;
}

/** A peer group's skew and pressure: one scope by one resource. */
export interface Signal {
  readonly scope: Scope;
  readonly resource: Resource;
  /** Hottest first. */
  readonly peers: readonly PeerLoad[];
  readonly absent: number;
  /** 0..1: the share of the group's capacity stranded by its hottest peer, noise taken off. */
  readonly skew?: number;
  readonly undecided?: UndecidedReason;
  /** The highest of the peers' scores against the parts they own. */
  readonly skewPerPart?: number;
  /** Of the peer nearest to its limit: 1 is at it. */
  readonly pressure?: number;
  /**
   * Events of the group in the window, and how many of the hottest peer's chance alone could have added, for
   * recomputing the score by hand. Missing for levels, which have none.
   */
  readonly events?: number;
  readonly noise?: number;
}

export interface HotspotRef {
  readonly id: string;
  readonly scope: string;
  readonly peer: string;
}

export type HotspotState = 'suspected' | 'open' | 'resolved';
export type Severity = 'info' | 'warning' | 'critical';

export const CAUSES = [
  'hot_read_key',
  'hot_counter',
  'hot_write_key',
  'skewed_partition_key',
  'skewed_message_key',
  'monotonic_key',
  'fan_out_write',
  'uneven_placement',
  'slow_consumer',
  'slow_node',
  'undetermined',
] as const;
export type Cause = (typeof CAUSES)[number];

export const MITIGATIONS = [
  'key_replication',
  'local_cache',
  'read_replicas',
  'sharded_counter',
  'write_coalescing',
  'write_bucketing',
  'adaptive_capacity',
  'compound_key',
  'null_key',
  'custom_partitioner',
  'repartition_topic',
  'hybrid_fan_out',
  'edge_cache',
  'rebalance_slots',
  'rebalance_leaders',
  'scale_consumer',
  'replace_node',
  'hash_monotonic_key',
] as const;
export type Mitigation = (typeof MITIGATIONS)[number];

export interface Diagnosis {
  readonly id: Cause;
  readonly statement: string;
  readonly evidence: readonly string[];
  /** What could not be told, each with how to enable it. */
  readonly missing: readonly string[];
}

export interface Recommendation {
  readonly mitigation: Mitigation;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** What to measure once it is applied; skew is missing for a lone peer. */
  readonly expected: { readonly skew?: number; readonly pressure?: number; readonly peerLoadRatio: number };
  /** The price in consistency or ordering, one sentence. */
  readonly tradeoff: string;
  /** Lines to paste. */
  readonly apply: string;
}

/** Everything said of one hotspot at one tick: `scan --json`, /api/v1/findings, recordings and the page. */
export interface Finding {
  readonly id: string;
  readonly system: System;
  readonly target: string;
  readonly scope: string;
  readonly peer: string;
  readonly state: HotspotState;
  readonly severity: Severity;
  /** ISO 8601. */
  readonly since: string;
  readonly updated: string;
  readonly signals: readonly FindingSignal[];
  /** Keys as the redaction lets them out. */
  readonly keys: readonly FindingKey[];
  readonly cause: Diagnosis;
  /** Best first. */
  readonly recommendations: readonly Recommendation[];
}

export interface FindingSignal {
  readonly scope: string;
  readonly resource: string;
  readonly unit: string;
  readonly skew?: number;
  readonly undecided?: UndecidedReason;
  readonly pressure?: number;
  readonly peers: number;
  readonly hottest: readonly PeerLoad[];
}

export interface FindingKey {
  readonly key: string;
  readonly share?: number;
  readonly low: number;
  readonly high: number;
  readonly reads?: number;
  readonly writes?: number;
  readonly increments?: number;
  readonly evidence: string;
}

/** What one evaluation of a reading gives. */
export interface Evaluation {
  readonly signals: readonly Signal[];
  readonly findings: readonly Finding[];
}

// ── What the agent knows of a target, for everything that shows it ──────────────────────────────────────────

export type PollOutcome = 'ok' | 'partial' | 'failed';

/** The latest known of one target. Replaced whole after each poll and probe, never changed in place. */
export interface TargetStatus {
  readonly target: string;
  readonly system: System;
  /** ISO 8601; missing before the first. */
  readonly lastPoll?: string;
  readonly outcome?: PollOutcome;
  /** Why the latest poll failed. */
  readonly error?: { readonly code: AbsenceCode; readonly reason: string; readonly remedy?: string };
  readonly signals: readonly Signal[];
  readonly findings: readonly Finding[];
  readonly absences: readonly Absence[];
  /** By peer, from the slow schedule. */
  readonly standingKeys: readonly StandingKeys[];
  readonly totals: TargetTotals;
}

/** The most used keys of a peer, hotspot or not, as the redaction lets them out. */
export interface StandingKeys {
  readonly scope: string;
  readonly peer: string;
  /** ISO 8601. */
  readonly at: string;
  readonly keys: readonly FindingKey[];
}

/** Sums since the agent began to watch the target. */
export interface TargetTotals {
  readonly polls: Readonly<Record<PollOutcome, number>>;
  readonly pollsSkipped: number;
  readonly probes: Readonly<Record<'ok' | 'failed' | 'over_budget', number>>;
  readonly poll: Cost;
  readonly probe: Cost;
  readonly hotspotsOpened: number;
  readonly hotspotsResolved: number;
}
