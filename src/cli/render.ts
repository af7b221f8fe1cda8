/** A finding in words and a table of loads, for people at a terminal. */
import { percent } from '../diagnose/words.ts';
import type { Finding, FindingKey, Recommendation, Signal } from '../model.ts';
import { CATALOGUE } from '../recommend/catalogue.ts';
import type { Terminal } from './terminal.ts';

type Colours = Terminal['colours'];

const KEYS_SHOWN = 3;

export function renderFinding(finding: Finding, colours: Colours): string {
  const paint =
    finding.state === 'resolved'
      ? colours.green
      : { info: colours.cyan, warning: colours.yellow, critical: colours.red }[finding.severity];
  const head = `${finding.state.toUpperCase()} ${finding.severity}  ${finding.target}  ${finding.peer}  since ${finding.since}`;
  const lines = [paint(colours.bold(head))];
  if (finding.state === 'resolved')
    return [...lines, field('was', `${finding.cause.id}: ${finding.cause.statement}`)].join('\n');
  lines.push(field('why', `${finding.cause.id}: ${finding.cause.statement}`));
  for (const line of finding.cause.evidence) lines.push(field('', line));
  for (const [index, key] of finding.keys.slice(0, KEYS_SHOWN).entries()) {
    // Of a key that explains the hotspot the evidence has been given above.
    const evidence = finding.cause.id === 'undetermined' ? `; ${key.evidence}` : '';
    lines.push(field(index === 0 ? 'keys' : '', `${keyLine(key)}${evidence}`));
  }
  for (const [index, line] of finding.cause.missing.entries()) lines.push(field(index === 0 ? 'unseen' : '', line));
  for (const [index, advice] of finding.recommendations.entries()) {
    lines.push(field(`do ${index + 1}`, adviceLine(advice)));
    lines.push(...advice.apply.split('\n').map((line) => field('', colours.green(line))));
    lines.push(field('', colours.dim(`price: ${advice.tradeoff}`)));
  }
  return lines.join('\n');
}

function field(name: string, text: string): string {
  return `  ${name.padEnd(6)} ${text}`;
}

function keyLine({ key, share, low, high, reads, writes, increments }: FindingKey): string {
  const estimate = share === undefined ? 'share not known' : percent(share);
  const mix =
    reads === undefined
      ? ''
      : `, ${percent(reads)} reads ${percent(writes ?? 0)} writes ${percent(increments ?? 0)} increments`;
  return `${key}  ${estimate} (${percent(low)} to ${percent(high)})${mix}`;
}

function adviceLine({ mitigation, parameters, expected }: Recommendation): string {
  const numbers = Object.entries(parameters)
    .filter(([, value]) => typeof value === 'number')
    .map(([name, value]) => `${name}=${String(value)}`);
  const outcome = [
    ...(expected.skew === undefined ? [] : [`skew ${expected.skew.toFixed(2)}`]),
    ...(expected.pressure === undefined ? [] : [`pressure ${percent(expected.pressure)}`]),
    `load of the hottest ×${expected.peerLoadRatio.toFixed(2)}`,
  ];
  const given = numbers.length === 0 ? '' : ` (${numbers.join(', ')})`;
  return `${CATALOGUE[mitigation].title}${given} → expect ${outcome.join(', ')}`;
}

/** One row a peer: its loads side by side. */
export function renderLoads(signals: readonly Signal[], colours: Colours): string {
  const loads = signals.filter(({ scope, resource }) => scope.grain === 'node' && resource.role !== 'detail');
  const peers = [...new Set(loads.flatMap((signal) => signal.peers.map(({ peer }) => peer)))];
  const header = ['peer', ...loads.map(({ resource }) => `${resource.name} ${unitOf(resource)}`)];
  const rows = peers.map((peer) => [
    peer,
    ...loads.map((signal) => {
      const load = signal.peers.find((candidate) => candidate.peer === peer);
      return load === undefined
        ? '-'
        : `${number(load.value)} ${signal.peers.length > 1 ? `(${percent(load.share)})` : ''}`.trim();
    }),
  ]);
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return [colours.dim(line(header)), ...rows.map(line)].join('\n');
}

function unitOf({ unit, kind }: Signal['resource']): string {
  return kind === 'count' ? `${unit}/s` : unit;
}

function number(value: number): string {
  if (value >= 1_000_000) return `${(value / 1_000_000).toFixed(1)}M`;
  if (value >= 10_000) return `${Math.round(value / 1000)}k`;
  if (value >= 100) return String(Math.round(value));
  return value >= 0.01 || value === 0 ? value.toFixed(2) : value.toExponential(0);
}
