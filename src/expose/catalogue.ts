/**
 * The one catalogue of every metric of the agent's own: name, type, unit, help and labels. The exposition, the
 * reference in the README, alert rules and dashboards read it, so that a rename breaks their build and not a page.
 *
 * Names follow the Prometheus conventions: base units, the unit at the end of the name, `_total` on counters only.
 */

export const LABELS = {
  target: 'Name of the target in the configuration.',
  system: 'redis, kafka, cassandra or dynamodb.',
  scope: 'Set of peers that should share a load: the masters of a cluster, its slots.',
  resource: 'What the load is of: CPU, calls, bytes out.',
  peer: 'A part of the scope: a node, a slot. "other" is the sum of the peers beyond the top ones.',
  reason: 'Why there is no score.',
  id: 'Stable id of a hotspot, the same when it comes back.',
  severity: 'info, warning or critical.',
  state: 'suspected or open.',
  cause: 'Why the peer is hot.',
  mitigation: 'What to do about it, an entry of the catalogue of mitigations.',
  key: 'The key behind the hotspot, as the redaction lets it out; empty while none is known.',
  code: 'What kind of failure it is.',
  outcome: 'How the look ended.',
  kind: 'poll (cheap, always) or probe (costly, only on a hotspot).',
  direction: 'sent or received, seen from the agent.',
  version: 'Version of the agent.',
  node: 'Version of Node.js.',
} as const;
export type LabelName = keyof typeof LABELS;

/** A metric always has a label: one without could not be absent, and absence is how we say "not known". */
type LabelNames = readonly [LabelName, ...LabelName[]];

export interface MetricDefinition {
  readonly type: 'gauge' | 'counter';
  /** In words; "1" for a series that is there or not. */
  readonly unit: string;
  readonly labels: LabelNames;
  readonly help: string;
}

function gauge<const L extends LabelNames>(unit: string, labels: L, help: string) {
  return { type: 'gauge', unit, labels, help } as const;
}

function counter<const L extends LabelNames>(unit: string, labels: L, help: string) {
  return { type: 'counter', unit, labels, help } as const;
}

const TARGET = ['target', 'system'] as const;
const GROUP = [...TARGET, 'scope', 'resource'] as const;
const PEER = [...GROUP, 'peer'] as const;
const HOTSPOT = [...TARGET, 'scope', 'peer', 'id'] as const;

export const METRICS = {
  // Peer groups: one scope by one resource. Absent while the latest poll of the target failed.
  hotspot_skew_ratio: gauge(
    'ratio',
    GROUP,
    'Share of the capacity of the peer group stranded by its hottest peer, noise taken off; 0 is balanced, 0.5 is twice the mean. Absent while undecided.',
  ),
  hotspot_skew_per_part_ratio: gauge(
    'ratio',
    GROUP,
    'The same score against the parts each peer owns; near 0 when only the placement is uneven. Absent while undecided.',
  ),
  hotspot_skew_undecided: gauge('1', [...GROUP, 'reason'], '1 while the peer group has no score, with the reason.'),
  hotspot_pressure_ratio: gauge(
    'ratio',
    GROUP,
    'Load of the hottest peer over its limit; 1 is at the limit. Absent where no limit is known.',
  ),
  hotspot_peers: gauge('peers', GROUP, 'Peers that answered and are compared.'),
  hotspot_peers_absent: gauge('peers', GROUP, 'Peers that should have answered and did not.'),
  hotspot_peers_left_out: gauge('peers', GROUP, 'Peers beyond the top ones, which have no series of their own.'),
  hotspot_group_events: gauge('events', GROUP, 'Independent events in the window that the score rests on.'),
  hotspot_group_noise_events: gauge(
    'events',
    GROUP,
    'Events taken off the hottest peer because chance alone could explain them.',
  ),

  // The top peers of each group; for loads per second the rest summed as peer="other".
  hotspot_peer_calls_per_second: gauge('calls per second', PEER, 'Calls each of the top peers answers.'),
  hotspot_peer_calls: gauge('calls', PEER, 'Calls held by each of the top peers.'),
  hotspot_peer_bytes_per_second: gauge('bytes per second', PEER, 'Bytes through each of the top peers.'),
  hotspot_peer_bytes: gauge('bytes', PEER, 'Bytes held by each of the top peers.'),
  hotspot_peer_cpu_cores: gauge('cores', PEER, 'CPU cores kept busy by each of the top peers.'),
  hotspot_peer_latency_seconds: gauge('seconds', PEER, 'Time an answer of each of the top peers takes.'),
  hotspot_peer_busy_ratio: gauge('ratio', PEER, 'Seconds spent in a second by each of the top peers.'),
  hotspot_peer_messages_per_second: gauge('messages per second', PEER, 'Messages through each of the top peers.'),
  hotspot_peer_messages: gauge('messages', PEER, 'Messages held by each of the top peers.'),
  hotspot_peer_units_per_second: gauge('units per second', PEER, 'Capacity units taken by each of the top peers.'),
  hotspot_peer_units: gauge('units', PEER, 'Capacity units held by each of the top peers.'),
  hotspot_peer_share_ratio: gauge('ratio', PEER, 'Share of the load of the group on each of the top peers.'),
  hotspot_peer_times_fair_ratio: gauge('ratio', PEER, 'Load of each of the top peers over its fair load; 1 is fair.'),
  hotspot_peer_pressure_ratio: gauge('ratio', PEER, 'Load of each of the top peers over its limit.'),

  // Hotspots.
  hotspot_open: gauge('1', [...HOTSPOT, 'severity'], '1 while the hotspot is open; suspected ones are not included.'),
  hotspot_suspected: gauge('1', HOTSPOT, '1 while the hotspot is suspected and not yet open.'),
  hotspot_hotspots: gauge('hotspots', [...TARGET, 'state'], 'Hotspots at present, also those without series.'),
  hotspot_since_timestamp_seconds: gauge('unix seconds', HOTSPOT, 'When the suspected or open hotspot began.'),
  hotspot_finding_info: gauge(
    '1',
    [...HOTSPOT, 'cause', 'mitigation', 'key'],
    'Exactly one series a suspected or open hotspot: its cause, its first mitigation and its top key, for annotations to look up.',
  ),
  hotspot_key_share_ratio: gauge(
    'ratio',
    ['target', 'id', 'key'],
    'Best estimate of the share of the load of the hotspot that one key makes; absent where it is only bounded.',
  ),
  hotspot_key_share_low_ratio: gauge('ratio', ['target', 'id', 'key'], 'The share of the key is at least this.'),
  hotspot_key_share_high_ratio: gauge('ratio', ['target', 'id', 'key'], 'The share of the key is at most this.'),
  hotspot_standing_key_share_ratio: gauge(
    'ratio',
    ['target', 'system', 'scope', 'peer', 'key'],
    'Best estimate of the share of the load of its peer that a key makes, hotspot or not, from the slow schedule.',
  ),
  hotspot_standing_key_share_low_ratio: gauge(
    'ratio',
    ['target', 'system', 'scope', 'peer', 'key'],
    'The share of the standing key is at least this.',
  ),
  hotspot_standing_key_share_high_ratio: gauge(
    'ratio',
    ['target', 'system', 'scope', 'peer', 'key'],
    'The share of the standing key is at most this.',
  ),
  hotspot_expected_skew_ratio: gauge(
    'ratio',
    ['target', 'id', 'mitigation'],
    'Skew to expect once the mitigation is applied.',
  ),
  hotspot_expected_pressure_ratio: gauge(
    'ratio',
    ['target', 'id', 'mitigation'],
    'Pressure to expect once the mitigation is applied.',
  ),
  hotspot_expected_peer_load_ratio: gauge(
    'ratio',
    ['target', 'id', 'mitigation'],
    'Load of the hot peer once the mitigation is applied, over its load now.',
  ),
  hotspot_opened_total: counter('hotspots', TARGET, 'Hotspots that opened.'),
  hotspot_resolved_total: counter('hotspots', TARGET, 'Hotspots that resolved.'),

  // Health of the watching, and what it costs the watched.
  hotspot_target_up: gauge('1', TARGET, '1 when the latest poll could read the target, in whole or in part; else 0.'),
  hotspot_target_error: gauge('1', [...TARGET, 'code'], '1 while the latest poll of the target failed, with the kind.'),
  hotspot_last_poll_timestamp_seconds: gauge('unix seconds', TARGET, 'When the target was last polled, well or not.'),
  hotspot_absences: gauge(
    'absences',
    [...TARGET, 'scope', 'code'],
    'Peers, resources or scopes that should have answered the latest poll and did not.',
  ),
  hotspot_polls_total: counter('polls', [...TARGET, 'outcome'], 'Polls: ok, partial or failed.'),
  hotspot_polls_skipped_total: counter('polls', TARGET, 'Polls skipped because the one before was still under way.'),
  hotspot_probes_total: counter('probes', [...TARGET, 'outcome'], 'Probes: ok, failed or over_budget (not made).'),
  hotspot_poll_duration_seconds_total: counter('seconds', TARGET, 'Time spent polling.'),
  hotspot_probe_duration_seconds_total: counter('seconds', TARGET, 'Time spent probing.'),
  hotspot_watched_commands_total: counter('commands', [...TARGET, 'kind'], 'Commands sent to the watched system.'),
  hotspot_watched_bytes_total: counter(
    'bytes',
    [...TARGET, 'kind', 'direction'],
    'Bytes exchanged with the watched system.',
  ),
  hotspot_watched_server_cpu_seconds_total: counter(
    'seconds',
    [...TARGET, 'kind'],
    'CPU the watched system spent on our commands. Absent where it cannot be told.',
  ),
  hotspot_build_info: gauge('1', ['version', 'node'], 'Always 1; says which build runs.'),
} as const satisfies Readonly<Record<`hotspot_${string}`, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;

/** Exactly the labels that the metric has, each with its value. */
export type LabelsOf<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>;

/** Every metric as [name, definition], in the order of the catalogue. */
export function metricEntries(): readonly (readonly [MetricName, MetricDefinition])[] {
  return Object.entries(METRICS) as [MetricName, MetricDefinition][];
}

/** The metric reference of the README: a Markdown table of the metrics and one of the labels. */
export function metricReference(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const lines = ['| metric | type | unit | labels | meaning |', '| --- | --- | --- | --- | --- |'];
  for (const [name, { type, unit, labels, help }] of metricEntries()) {
    lines.push(
      `| \`${name}\` | ${type} | ${unit} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${cell(help)} |`,
    );
  }
  lines.push('', '| label | meaning |', '| --- | --- |');
  for (const [label, meaning] of Object.entries(LABELS)) lines.push(`| \`${label}\` | ${cell(meaning)} |`);
  return `${lines.join('\n')}\n`;
}
