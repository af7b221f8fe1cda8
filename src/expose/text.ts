/**
 * The two text formats of Prometheus and which of them an Accept header asks for.
 *
 * prom-client's own encoder is not used: rendering OpenMetrics once strips `_total` off its counters for good, so
 * that one registry cannot serve both formats; and it writes a value that is not a number in neither's way.
 */

export type TextFormat = 'prometheus' | 'openmetrics';

export const TEXT_FORMATS = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const satisfies Readonly<Record<TextFormat, string>>;

/** A metric with its series, as prom-client's `getMetricsAsJSON` gives it. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number>>;
    /** Where it differs from the family's: the `_bucket`, `_sum` and `_count` of a histogram. */
    readonly metricName?: string;
  }[];
}

/** OpenMetrics for who prefers it to plain text, as a Prometheus server does; plain text for anyone else. */
export function negotiateFormat(accept: string | undefined): TextFormat {
  let openMetrics = 0;
  let plain = 0;
  for (const part of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim());
    const quality = qualityOf(parameters);
    if (type === 'application/openmetrics-text') openMetrics = Math.max(openMetrics, quality);
    if (type === 'text/plain' || type === 'text/*') plain = Math.max(plain, quality);
  }
  return openMetrics > 0 && openMetrics >= plain ? 'openmetrics' : 'prometheus';
}

function qualityOf(parameters: readonly string[]): number {
  const parameter = parameters.find((entry) => entry.startsWith('q='));
  if (parameter === undefined) return 1;
  const quality = Number(parameter.slice(2));
  return Number.isFinite(quality) ? quality : 0;
}

/** Families without a series are left out. Ends with a newline, and in OpenMetrics with `# EOF`. */
export function renderText(format: TextFormat, families: readonly Family[]): string {
  const open = format === 'openmetrics';
  const lines: string[] = [];
  for (const { name, help, type, values } of families) {
    if (values.length === 0) continue;
    // In OpenMetrics `_total` belongs to the sample and not to the family.
    const family = open && type === 'counter' ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${family} ${open ? escapeLabel(help) : escapeHelp(help)}`, `# TYPE ${family} ${type}`);
    const sample = open && type === 'counter' ? `${family}_total` : name;
    for (const { value, labels, metricName } of values) {
      lines.push(`${metricName ?? sample}${formatLabels(labels)} ${formatValue(value)}`);
    }
  }
  if (open) lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

function formatLabels(labels: Readonly<Record<string, string | number>>): string {
  let text = '';
  for (const name in labels) {
    text += `${text === '' ? '{' : ','}${name}="${escapeLabel(String(labels[name]))}"`;
  }
  return text === '' ? '' : `${text}}`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '"': '\\"' };

function escapeLabel(text: string): string {
  return /[\\\n"]/.test(text) ? text.replace(/[\\\n"]/g, (found) => ESCAPES[found] ?? found) : text;
}

function escapeHelp(text: string): string {
  return text.replace(/[\\\n]/g, (found) => ESCAPES[found] ?? found);
}

function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
