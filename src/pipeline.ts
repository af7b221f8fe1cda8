/** The whole of the agent on one screen: a reading goes in, signals and findings come out. No I/O; time is handed in. */
import { groupByPeers } from './detect/groups.ts';
import { scoreSignal } from './detect/signal.ts';
import type { Hotspot, HotspotTracker } from './detect/tracker.ts';
import { type Case, gatherCase, loadOf } from './diagnose/case.ts';
import { diagnose } from './diagnose/rules.ts';
import type {
  Evaluation,
  Finding,
  FindingKey,
  FindingSignal,
  HotspotRef,
  KeyShare,
  Reading,
  Severity,
  Signal,
} from './model.ts';
import { recommend } from './recommend/recommend.ts';
import { severityOf } from './severity.ts';

export function evaluate(
  reading: Reading,
  tracker: HotspotTracker,
  show: (key: string) => string,
  at: Date,
): Evaluation {
  const signals = groupByPeers(reading).map(scoreSignal);
  const hotspots = tracker.update(signals, membersOf(reading), at);
  return { signals, findings: hotspots.flatMap((hotspot) => explain(hotspot, signals, reading, tracker, show)) };
}

/**
 * One hotspot with its evidence, cause and remedy: as it is; as it was while it was hot, once it has resolved; as it
 * was last seen, where its peer does not answer. Nothing only where there never was a load to explain.
 */
export function explain(
  hotspot: Hotspot,
  signals: readonly Signal[],
  reading: Pick<Reading, 'system' | 'target' | 'topology' | 'absences'>,
  tracker: HotspotTracker,
  show: (key: string) => string,
): Finding[] {
  const facts = gatherCase(hotspot, signals, reading.topology, tracker.thresholds);
  const last = tracker.recall(hotspot.id);
  if (last !== undefined && hotspot.state === 'resolved') {
    return [asOf(last.render(show), hotspot, `resolved at ${hotspot.updated.toISOString()}`)];
  }
  if (facts === undefined) {
    return last === undefined ? [] : [asOf(last.render(show), hotspot, whyUnseen(hotspot, reading))];
  }
  const shown = findingSignals(facts, signals);
  if (last !== undefined && hotspot.calm) {
    // The cause is of the load that is gone: to judge it by what is left would name another.
    return [{ ...asOf(last.render(show), hotspot, 'its load has calmed since'), signals: shown }];
  }
  const before = last?.state === hotspot.state ? last.severity : undefined;
  const severity = severityOf(facts.pressure, before);
  const render = (showKey: (key: string) => string) => findingOf(facts, shown, severity, reading, showKey);
  tracker.remember(hotspot.id, { state: hotspot.state, severity, render });
  return [render(show)];
}

function findingOf(
  facts: Case,
  signals: readonly FindingSignal[],
  severity: Severity,
  { system, target }: Pick<Reading, 'system' | 'target'>,
  show: (key: string) => string,
): Finding {
  const { id, scope, peer, state, since, updated } = facts.hotspot;
  const cause = diagnose(facts, show);
  return {
    id,
    system,
    target,
    scope,
    peer,
    state,
    severity,
    since: since.toISOString(),
    updated: updated.toISOString(),
    signals,
    keys: facts.keys.map((key) => shownKey(key, show)),
    cause,
    recommendations: recommend(facts, cause, show),
  };
}

/** A key as the redaction lets it out. */
export function shownKey(
  { key, share, low, high, mix, evidence }: KeyShare,
  show: (key: string) => string,
): FindingKey {
  return { key: show(key), ...(share !== undefined && { share }), low, high, ...mix, evidence };
}

/** An earlier finding in its present state, which says from when it is and why there is no newer one. */
function asOf(last: Finding, { state, updated }: Hotspot, why: string): Finding {
  const evidence = [`${why}; what follows is from ${last.updated}`, ...last.cause.evidence];
  return { ...last, state, updated: updated.toISOString(), cause: { ...last.cause, evidence } };
}

function whyUnseen({ scope, peer }: HotspotRef, { target, absences }: Pick<Reading, 'target' | 'absences'>): string {
  const own = absences.filter((absence) => absence.scope === scope && (absence.peer ?? peer) === peer);
  // The absence of the whole peer says more than that of one of its resources.
  const absence = own.find(({ resource }) => resource === undefined) ?? own[0];
  if (absence === undefined) return `${peer} is no longer a part of ${target}`;
  if (absence.resource === undefined) return `${peer} does not answer: ${absence.reason}`;
  return `${peer} does not tell its ${absence.resource}: ${absence.reason}`;
}

const HOTTEST_SHOWN = 3;

/** The signals of the hotspot's scope, and of the finer peers that it owns. */
function findingSignals(facts: Case, signals: readonly Signal[]): FindingSignal[] {
  const { scope, peer } = facts.hotspot;
  const refined = signals.filter((signal) => signal.scope.ownedBy === scope);
  return [...facts.signals, ...refined].flatMap((signal) => {
    const own = signal.scope.ownedBy === scope ? signal.peers.filter((load) => load.owner === peer) : signal.peers;
    if (own.length === 0) return [];
    const pressure = signal.scope.ownedBy === scope ? own[0]?.pressure : loadOf(signal, peer)?.pressure;
    return {
      scope: signal.scope.name,
      resource: signal.resource.name,
      unit: signal.resource.unit,
      ...(signal.skew !== undefined && { skew: signal.skew }),
      ...(signal.undecided !== undefined && { undecided: signal.undecided }),
      ...(pressure !== undefined && { pressure }),
      peers: signal.peers.length,
      hottest: own.slice(0, HOTTEST_SHOWN),
    };
  });
}

/** Whether a hotspot's peer belongs to the target: it answered, or should have, or the topology has it. */
function membersOf(reading: Reading): (hotspot: HotspotRef) => boolean {
  const known = new Set<string>();
  const blind = new Set<string>();
  for (const { scope, peer } of reading.samples) known.add(`${scope}\u0000${peer}`);
  for (const { scope, peer, resource } of reading.absences) {
    if (peer !== undefined) known.add(`${scope}\u0000${peer}`);
    else if (resource === undefined) blind.add(scope);
  }
  const masters = reading.topology.kind === 'slots' ? reading.topology.masters : [];
  const inTopology = new Set(masters.map(({ peer }) => peer));
  return ({ scope, peer }) => blind.has(scope) || known.has(`${scope}\u0000${peer}`) || inTopology.has(peer);
}
