/**
 * The facts of one hotspot, gathered from its signals and its probe, for the rules to judge.
 *
 * The excess is the part of the hot peer's load that its peers do not have: what made it hot. Its mix of reads,
 * writes and increments tells a hot counter from a hot read key where the probe cannot see single commands.
 */

import type { Thresholds } from '../detect/thresholds.ts';
import type { Hotspot } from '../detect/tracker.ts';
import type { Absence, AccessMix, KeyShare, PeerLoad, Signal, SlotTopology, Topology } from '../model.ts';

/** A key whose share is known well enough to reason with: estimated, or worked out from the excess. */
export interface NamedKey extends KeyShare {
  readonly share: number;
}

export interface Case {
  readonly hotspot: Hotspot;
  readonly thresholds: Thresholds;
  /** Signals of the hotspot's own scope. */
  readonly signals: readonly Signal[];
  /** The load by which the peer is most skewed, or the nearest to its limit for a lone one. */
  readonly main: { readonly signal: Signal; readonly load: PeerLoad };
  /** The load that key shares are taken to be of: calls, or the main load where that is skewed and calls are not. */
  readonly basis: { readonly signal: Signal; readonly load: PeerLoad };
  readonly pressure?: number;
  /** The share of the peer's basis load above the mean of its peers, 0..1; missing for a lone peer. */
  readonly excessShare?: number;
  /** Missing too where calls are not what the peer has more of. */
  readonly excessMix?: AccessMix;
  /** The mix of everything the peer does, 0..1 each. */
  readonly peerMix?: AccessMix;
  readonly keys: readonly KeyShare[];
  /** The key that makes most of the load, when exactly one stands out. */
  readonly topKey?: NamedKey;
  readonly probed: boolean;
  readonly probeAbsences: readonly Absence[];
  readonly topology: Topology;
}

export function gatherCase(
  hotspot: Hotspot,
  allSignals: readonly Signal[],
  topology: Topology,
  thresholds: Thresholds,
): Case | undefined {
  const signals = allSignals.filter((signal) => signal.scope.name === hotspot.scope);
  const main = mainLoad(signals, hotspot.peer);
  if (main === undefined) return undefined;
  const basis = basisOf(signals, hotspot.peer, main);
  const excessShare = excessOf(basis.signal, hotspot.peer)?.share;
  const byCalls = basis.signal.resource.name === 'calls';
  const excessMix = byCalls ? mixOf(signals, (signal) => excessOf(signal, hotspot.peer)?.value) : undefined;
  const peerMix = mixOf(signals, (signal) => loadOf(signal, hotspot.peer)?.value);
  const pressures = signals
    .filter((signal) => signal.resource.role === 'load')
    .flatMap((signal) => loadOf(signal, hotspot.peer)?.pressure ?? []);
  const probed = hotspot.probe?.keys ?? [];
  const topKey = standingOut(probed, shareBeyondParts(basis));
  const keys = topKey === undefined ? probed : [topKey, ...probed.filter(({ key }) => key !== topKey.key)];
  return {
    hotspot,
    thresholds,
    signals,
    main,
    basis,
    ...(pressures.length > 0 && { pressure: Math.max(...pressures) }),
    ...(excessShare !== undefined && { excessShare }),
    ...(excessMix !== undefined && { excessMix }),
    ...(peerMix !== undefined && { peerMix }),
    keys,
    ...(topKey !== undefined && { topKey }),
    probed: hotspot.probe !== undefined,
    probeAbsences: hotspot.probe?.absences ?? [],
    topology,
  };
}

export function loadOf(signal: Signal, peer: string): PeerLoad | undefined {
  return signal.peers.find((load) => load.peer === peer);
}

/** The topology when it is of slots. */
export function slotsOf(topology: Topology): SlotTopology | undefined {
  return topology.kind === 'slots' ? topology : undefined;
}

function mainLoad(signals: readonly Signal[], peer: string): Case['main'] | undefined {
  let found: Case['main'] | undefined;
  for (const signal of signals) {
    const load = loadOf(signal, peer);
    if (signal.resource.role !== 'load' || load === undefined) continue;
    const weight = (entry: PeerLoad) => entry.skew ?? (entry.pressure ?? 0) / 1000;
    if (found === undefined || weight(load) > weight(found.load)) found = { signal, load };
  }
  return found;
}

/** A key of few but costly calls makes a node hot by CPU or bytes whose calls are as many as its peers'. */
function basisOf(signals: readonly Signal[], peer: string, main: Case['main']): Case['basis'] {
  const signal = signals.find((candidate) => candidate.resource.name === 'calls');
  const load = signal && loadOf(signal, peer);
  if (signal === undefined || load === undefined) return main;
  const callsAreSkewed = load.skew === undefined || load.skew >= (main.load.skew ?? 0) / 2;
  return callsAreSkewed ? { signal, load } : main;
}

function excessOf(signal: Signal, peer: string): { value: number; share: number } | undefined {
  const load = loadOf(signal, peer);
  const others = signal.peers.filter((other) => other.peer !== peer);
  if (load === undefined || others.length === 0) return undefined;
  let total = 0;
  for (const other of others) total += other.value;
  const value = Math.max(0, load.value - total / others.length);
  return { value, share: load.value > 0 ? value / load.value : 0 };
}

/** The share of the peer's load that neither its peers have nor the parts that it owns more of explain. */
function shareBeyondParts({ signal, load }: Case['basis']): number | undefined {
  const others = signal.peers.filter((other) => other !== load);
  if (others.length === 0 || load.value <= 0) return undefined;
  let total = 0;
  let parts = 0;
  for (const other of others) {
    total += other.value;
    parts += other.parts ?? 0;
  }
  const fair = load.parts !== undefined && parts > 0 ? (total * load.parts) / parts : total / others.length;
  return Math.max(0, load.value - fair) / load.value;
}

function mixOf(signals: readonly Signal[], measure: (signal: Signal) => number | undefined): AccessMix | undefined {
  const value = (name: string) => {
    const signal = signals.find((candidate) => candidate.resource.name === name);
    return signal === undefined ? undefined : measure(signal);
  };
  const [reads, writes, increments] = [value('reads'), value('writes'), value('increments')];
  if (reads === undefined || writes === undefined || increments === undefined) return undefined;
  const total = reads + writes + increments;
  if (total <= 0) return undefined;
  return { reads: reads / total, writes: writes / total, increments: increments / total };
}

/**
 * The one key whose share is above all others'. Where evidence only bounds shares (a saturated counter) and leaves a
 * single key so, the excess of its peer is its best estimate; where it leaves several, none stands out.
 * The excess is that beyond the parts owned: any counter is soon at its ceiling, and a peer that merely owns more
 * must not be blamed on it.
 */
function standingOut(keys: readonly KeyShare[], excessShare: number | undefined): NamedKey | undefined {
  const unresolved = keys.filter((key) => key.share === undefined);
  if (unresolved.length > 1) return undefined;
  const named = keys.map((key) =>
    key.share === undefined ? estimated(key, excessShare) : { ...key, share: key.share },
  );
  const [first, second] = named.sort((a, b) => b.share - a.share);
  if (first === undefined || (second !== undefined && second.share >= first.share)) return undefined;
  return refined(first, excessShare);
}

function estimated(key: KeyShare, excessShare: number | undefined): NamedKey {
  const share = Math.min(key.high, Math.max(key.low, excessShare ?? key.low));
  const how =
    excessShare === undefined ? 'its share is the least it can be' : "its share is its node's excess over its peers";
  return { ...key, share, evidence: `${key.evidence}; ${how}` };
}

/** Bounds this far apart leave room for a better estimate within them. */
const WIDE = 0.1;

/** Two kinds of evidence that agree: where a key's bounds are wide and the excess lies within them, it is the better estimate. */
function refined(key: NamedKey, excessShare: number | undefined): NamedKey {
  if (excessShare === undefined || key.high - key.low < WIDE) return key;
  return excessShare > key.low && excessShare < key.high ? estimated(key, excessShare) : key;
}
