/**
 * Which series a target's status makes: a pure walk over the status that calls `emit` for each. Cardinality is
 * bounded here: the top peers of a group, the top keys of a hotspot, the worst hotspots of a target.
 */
import type { Cost, Finding, PeerLoad, Resource, Severity, Signal, TargetStatus } from '../model.ts';
import type { LabelsOf, MetricName } from './catalogue.ts';

/** Makes one series; an undefined value makes none, which is how a thing not known is left absent. */
export type Emit = <N extends MetricName>(name: N, labels: LabelsOf<N>, value: number | undefined) => void;

export interface SeriesLimits {
  /** Peers with series of their own in a peer group; the rest are summed or counted. */
  readonly topPeers: number;
  /** Keys with series of their own for a hotspot. */
  readonly topKeys: number;
}

/** Hotspots with series of their own for a target, open and severe ones first; `hotspot_hotspots` counts all. */
export const MAX_HOTSPOTS = 100;

const OTHER = 'other';

/** Keeps a peer that is really called "other" (a partition key may be) apart from the sum of the rest. */
function peerLabel(peer: string): string {
  return peer === OTHER ? '"other"' : peer;
}

/** The metric of a peer's load, by unit: a unit that model.ts gains has to be named here. */
const PEER_LOAD = {
  calls: { count: 'hotspot_peer_calls_per_second', level: 'hotspot_peer_calls' },
  bytes: { count: 'hotspot_peer_bytes_per_second', level: 'hotspot_peer_bytes' },
  cores: { count: 'hotspot_peer_cpu_cores', level: 'hotspot_peer_cpu_cores' },
  seconds: { count: 'hotspot_peer_busy_ratio', level: 'hotspot_peer_latency_seconds' },
  messages: { count: 'hotspot_peer_messages_per_second', level: 'hotspot_peer_messages' },
  units: { count: 'hotspot_peer_units_per_second', level: 'hotspot_peer_units' },
} as const satisfies Readonly<Record<Resource['unit'], Readonly<Record<Resource['kind'], MetricName>>>>;

export function emitTarget(status: TargetStatus, limits: SeriesLimits, emit: Emit): void {
  emitHealth(status, emit);
  emitTotals(status, emit);
  // After a failed poll the signals are those of an earlier one: they would pass for the present.
  if (status.outcome === 'ok' || status.outcome === 'partial') {
    for (const signal of status.signals) emitSignal(status, signal, limits, emit);
  }
  emitHotspots(status, limits, emit);
  emitStandingKeys(status, limits, emit);
}

function emitHealth(status: TargetStatus, emit: Emit): void {
  const { target, system, outcome } = status;
  const labels = { target, system };
  if (outcome !== undefined) emit('hotspot_target_up', labels, outcome === 'failed' ? 0 : 1);
  if (outcome === 'failed') {
    emit('hotspot_target_error', { ...labels, code: status.error?.code ?? 'internal' }, 1);
  }
  emit('hotspot_last_poll_timestamp_seconds', labels, unixSeconds(status.lastPoll));

  const counts = new Map<string, { scope: string; code: string; count: number }>();
  for (const { scope, code } of status.absences) {
    const id = JSON.stringify([scope, code]);
    const entry = counts.get(id) ?? { scope, code, count: 0 };
    entry.count += 1;
    counts.set(id, entry);
  }
  for (const { scope, code, count } of counts.values()) emit('hotspot_absences', { ...labels, scope, code }, count);
}

function emitTotals({ target, system, totals }: TargetStatus, emit: Emit): void {
  const labels = { target, system };
  for (const [outcome, count] of Object.entries(totals.polls))
    emit('hotspot_polls_total', { ...labels, outcome }, count);
  emit('hotspot_polls_skipped_total', labels, totals.pollsSkipped);
  for (const [outcome, count] of Object.entries(totals.probes)) {
    emit('hotspot_probes_total', { ...labels, outcome }, count);
  }
  emit('hotspot_poll_duration_seconds_total', labels, totals.poll.durationMs / 1000);
  emit('hotspot_probe_duration_seconds_total', labels, totals.probe.durationMs / 1000);
  emitCost(labels, 'poll', totals.poll, emit);
  emitCost(labels, 'probe', totals.probe, emit);
  emit('hotspot_opened_total', labels, totals.hotspotsOpened);
  emit('hotspot_resolved_total', labels, totals.hotspotsResolved);
}

function emitCost(target: LabelsOf<'hotspot_target_up'>, kind: 'poll' | 'probe', cost: Cost, emit: Emit): void {
  const labels = { ...target, kind };
  emit('hotspot_watched_commands_total', labels, cost.commands);
  emit('hotspot_watched_bytes_total', { ...labels, direction: 'sent' }, cost.bytesSent);
  emit('hotspot_watched_bytes_total', { ...labels, direction: 'received' }, cost.bytesReceived);
  emit('hotspot_watched_server_cpu_seconds_total', labels, cost.serverCpuSeconds);
}

function emitSignal({ target, system }: TargetStatus, signal: Signal, limits: SeriesLimits, emit: Emit): void {
  const labels = { target, system, scope: signal.scope.name, resource: signal.resource.name };
  if (signal.undecided === undefined) {
    emit('hotspot_skew_ratio', labels, signal.skew);
    emit('hotspot_skew_per_part_ratio', labels, signal.skewPerPart);
  } else {
    emit('hotspot_skew_undecided', { ...labels, reason: signal.undecided }, 1);
  }
  emit('hotspot_pressure_ratio', labels, signal.pressure);
  emit('hotspot_group_events', labels, signal.events);
  emit('hotspot_group_noise_events', labels, signal.noise);
  emit('hotspot_peers', labels, signal.peers.length);
  emit('hotspot_peers_absent', labels, signal.absent);

  const top = signal.peers.slice(0, limits.topPeers);
  const rest = signal.peers.slice(limits.topPeers);
  const load = PEER_LOAD[signal.resource.unit][signal.resource.kind];
  for (const peer of top) emitPeer({ ...labels, peer: peerLabel(peer.peer) }, load, peer, emit);
  emit('hotspot_peers_left_out', labels, rest.length);
  // The sum of levels is not the level of anything, so only counts have an "other".
  if (rest.length > 0 && signal.resource.kind === 'count') {
    let sum = 0;
    for (const peer of rest) sum += peer.value;
    emit(load, { ...labels, peer: OTHER }, sum);
  }
}

type LoadMetric = (typeof PEER_LOAD)[Resource['unit']][Resource['kind']];

function emitPeer(labels: LabelsOf<LoadMetric>, load: LoadMetric, peer: PeerLoad, emit: Emit): void {
  emit(load, labels, peer.value);
  emit('hotspot_peer_share_ratio', labels, peer.share);
  emit('hotspot_peer_times_fair_ratio', labels, peer.timesFair);
  emit('hotspot_peer_pressure_ratio', labels, peer.pressure);
}

const SEVERITY_RANK = { critical: 0, warning: 1, info: 2 } as const satisfies Readonly<Record<Severity, number>>;

/** Open before suspected, severe before mild; resolved ones are no longer there. */
export function presentHotspots(findings: readonly Finding[]): readonly Finding[] {
  const rank = ({ state, severity }: Finding) => (state === 'open' ? 0 : 10) + SEVERITY_RANK[severity];
  return findings.filter(({ state }) => state !== 'resolved').sort((a, b) => rank(a) - rank(b));
}

function emitHotspots(status: TargetStatus, limits: SeriesLimits, emit: Emit): void {
  const { target, system, totals } = status;
  const present = presentHotspots(status.findings);
  const everRead = totals.polls.ok + totals.polls.partial > 0;
  for (const state of ['open', 'suspected'] as const) {
    const count = present.filter((finding) => finding.state === state).length;
    // Of a target never read, "none" would be a guess.
    if (everRead || count > 0) emit('hotspot_hotspots', { target, system, state }, count);
  }
  for (const finding of present.slice(0, MAX_HOTSPOTS)) emitHotspot(status, finding, limits, emit);
}

function emitHotspot({ target, system }: TargetStatus, finding: Finding, limits: SeriesLimits, emit: Emit): void {
  const { id, scope, severity, state, cause, keys, recommendations } = finding;
  const labels = { target, system, scope, peer: peerLabel(finding.peer), id };
  if (state === 'open') emit('hotspot_open', { ...labels, severity }, 1);
  else emit('hotspot_suspected', labels, 1);
  emit('hotspot_since_timestamp_seconds', labels, unixSeconds(finding.since));
  const mitigation = recommendations[0]?.mitigation ?? '';
  emit('hotspot_finding_info', { ...labels, cause: cause.id, mitigation, key: keys[0]?.key ?? '' }, 1);

  // Redaction can give two keys one name: the hotter one, which comes first, keeps it.
  for (const { key, share, low, high } of firstBy(keys, (entry) => entry.key).slice(0, limits.topKeys)) {
    emit('hotspot_key_share_ratio', { target, id, key }, share);
    emit('hotspot_key_share_low_ratio', { target, id, key }, low);
    emit('hotspot_key_share_high_ratio', { target, id, key }, high);
  }
  for (const recommendation of firstBy(recommendations, (entry) => entry.mitigation)) {
    const { mitigation, expected } = recommendation;
    emit('hotspot_expected_skew_ratio', { target, id, mitigation }, expected.skew);
    emit('hotspot_expected_pressure_ratio', { target, id, mitigation }, expected.pressure);
    emit('hotspot_expected_peer_load_ratio', { target, id, mitigation }, expected.peerLoadRatio);
  }
}

function emitStandingKeys({ target, system, standingKeys }: TargetStatus, limits: SeriesLimits, emit: Emit): void {
  for (const { scope, peer, keys } of standingKeys.slice(0, limits.topPeers)) {
    for (const { key, share, low, high } of firstBy(keys, (entry) => entry.key).slice(0, limits.topKeys)) {
      const labels = { target, system, scope, peer: peerLabel(peer), key };
      emit('hotspot_standing_key_share_ratio', labels, share);
      emit('hotspot_standing_key_share_low_ratio', labels, low);
      emit('hotspot_standing_key_share_high_ratio', labels, high);
    }
  }
}

function firstBy<T>(items: readonly T[], name: (item: T) => string): readonly T[] {
  const first = new Map<string, T>();
  for (const item of items) if (!first.has(name(item))) first.set(name(item), item);
  return [...first.values()];
}

function unixSeconds(iso: string | undefined): number | undefined {
  return iso === undefined ? undefined : Date.parse(iso) / 1000;
}
