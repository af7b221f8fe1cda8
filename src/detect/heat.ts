/** How hot each peer of a node scope is at one tick: the verdict on the signals that the tracker counts ticks of. */
import type { PeerLoad, Signal } from '../model.ts';
import { isAboveFloor } from './signal.ts';
import { skewOf } from './skew.ts';
import type { Thresholds } from './thresholds.ts';

/**
 * `hot` counts towards opening; `candidate` is worth a probe but opens only once a key is named; `warm` is
 * neither (between the resolving and the opening threshold); `calm` counts towards resolving; `unknown` counts
 * for nothing: neither an absence nor a window too short to tell opens or resolves anything.
 */
export type Heat = 'hot' | 'candidate' | 'warm' | 'calm' | 'unknown';

export interface PeerHeat {
  readonly scope: string;
  readonly peer: string;
  readonly heat: Heat;
  /** The peer's highest own skew over the loads; 0 where undecided. */
  readonly skew: number;
}

export function measureHeat(signals: readonly Signal[], thresholds: Thresholds): PeerHeat[] {
  const nodeLoads = signals.filter((signal) => signal.scope.grain === 'node' && signal.resource.role === 'load');
  const heats: PeerHeat[] = [];
  for (const scope of new Set(nodeLoads.map((signal) => signal.scope.name))) {
    const loads = nodeLoads.filter((signal) => signal.scope.name === scope);
    const crowded = ownersNearLimit(signals, scope, thresholds);
    for (const [peer, own] of loadsByPeer(loads)) {
      heats.push({ scope, peer, ...heatOf(own, crowded.has(peer), thresholds) });
    }
  }
  return heats;
}

/** One peer's load of one resource, in the signal it is of. */
interface OwnLoad {
  readonly signal: Signal;
  readonly load: PeerLoad;
}

function loadsByPeer(signals: readonly Signal[]): Map<string, OwnLoad[]> {
  const byPeer = new Map<string, OwnLoad[]>();
  for (const signal of signals) {
    for (const load of signal.peers) {
      const own = byPeer.get(load.peer);
      if (own === undefined) byPeer.set(load.peer, [{ signal, load }]);
      else own.push({ signal, load });
    }
  }
  return byPeer;
}

function heatOf(own: readonly OwnLoad[], crowded: boolean, thresholds: Thresholds) {
  const skew = Math.max(0, ...own.map(({ load }) => load.skew ?? 0));
  const unscored = own.every(({ load }) => load.skew === undefined);
  const alone = own.some(({ signal }) => signal.undecided === 'too_few_peers');
  const nearLimit = own.some(({ load }) => (load.pressure ?? -1) >= thresholds.openPressure);
  return { skew, heat: verdict() };

  function verdict(): Heat {
    if (skew >= thresholds.openSkew || crowded) return 'hot';
    if (alone && nearLimit) return 'candidate';
    if (unscored && own.some(({ signal }) => signal.undecided === 'warming' || signal.undecided === 'incomplete')) {
      return 'unknown';
    }
    if (own.some(({ signal, load }) => isWithinNoise(signal, load, thresholds))) return 'unknown';
    return skew >= thresholds.resolveSkew ? 'warm' : 'calm';
  }
}

/**
 * As hot as it takes, were it not for the noise bound. The short windows of the confirming interval have few events:
 * they may fail to confirm a hotspot, but they do not refute it.
 */
function isWithinNoise(signal: Signal, load: PeerLoad, thresholds: Thresholds): boolean {
  if (load.skew === undefined && signal.undecided !== 'too_few_events') return false;
  if (!isAboveFloor(load.value, load.timesFair, signal.resource.floor)) return false;
  return skewOf(load.timesFair, signal.peers.length) >= thresholds.openSkew;
}

/** Owners of which one fine peer alone (a slot) takes the stated part of the limit. */
function ownersNearLimit(signals: readonly Signal[], scope: string, thresholds: Thresholds): Set<string> {
  const owners = new Set<string>();
  for (const signal of signals) {
    if (signal.scope.grain !== 'fine' || signal.scope.ownedBy !== scope) continue;
    for (const load of signal.peers) {
      if (isNearLimit(load, thresholds) && load.owner !== undefined) owners.add(load.owner);
    }
  }
  return owners;
}

function isNearLimit(load: PeerLoad, thresholds: Thresholds): boolean {
  // A threshold of 0 lets a lone node in at any load; of a slot it would say nothing.
  return thresholds.openPressure > 0 && load.pressure !== undefined && load.pressure >= thresholds.openPressure;
}
