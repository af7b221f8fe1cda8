/**
 * The agent's state as prom-client metrics on one registry of our own, rendered for whichever text format the
 * scraper asks for.
 *
 * Every render resets all metrics and sets them again from the view, in one synchronous step together with
 * prom-client's own reading of them: a peer that vanished vanishes, and concurrent scrapes cannot see a half of it.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { LabelsOf, MetricName } from './catalogue.ts';
import { metricEntries } from './catalogue.ts';
import { emitTarget, type SeriesLimits } from './series.ts';
import { type Family, negotiateFormat, renderText, TEXT_FORMATS } from './text.ts';
import type { AgentView } from './view.ts';

export interface Metrics {
  /** The Content-Type that `render` answers such an Accept header with. */
  contentType(accept: string | undefined): string;
  render(accept: string | undefined): Promise<string>;
}

/** Gauges that prom-client names like counters: promtool refuses them, and OpenMetrics forbids the name. */
const MISNAMED = ['nodejs_active_resources_total', 'nodejs_active_handles_total', 'nodejs_active_requests_total'];

/**
 * Call it once in a process: prom-client's process metrics install observers that cannot be taken off again. What
 * the view shows may change at will.
 */
export function createMetrics(view: AgentView, limits: SeriesLimits): Metrics {
  const registry = new Registry();
  const instruments = new Map<MetricName, Instrument>();
  for (const [name, { type, help, labels }] of metricEntries()) {
    instruments.set(name, createInstrument(type, { name, help, labelNames: labels, registers: [registry] }));
  }
  // Bounds without whole numbers: OpenMetrics wants those written otherwise ("1.0") than Prometheus text.
  collectDefaultMetrics({ register: registry, gcDurationBuckets: [0.001, 0.01, 0.1, 0.5] });
  for (const name of MISNAMED) registry.removeSingleMetric(name);

  function emit<N extends MetricName>(name: N, labels: LabelsOf<N>, value: number | undefined): void {
    // What is not a number is not known, and what is not known is absent.
    if (value !== undefined && Number.isFinite(value)) instruments.get(name)?.add(labels, value);
  }

  function fill(): void {
    for (const instrument of instruments.values()) instrument.reset();
    emit('hotspot_build_info', { version: view.version, node: process.versions.node }, 1);
    for (const status of view.targets()) emitTarget(status, limits, emit);
  }

  return {
    contentType: (accept) => TEXT_FORMATS[negotiateFormat(accept)],
    async render(accept) {
      fill();
      const families = registry.getMetricsAsJSON(); // reads every value before it first awaits
      return renderText(negotiateFormat(accept), (await families) as unknown as readonly Family[]);
    },
  };
}

interface Instrument {
  reset(): void;
  add(labels: Readonly<Record<string, string>>, value: number): void;
}

interface InstrumentOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly registers: Registry[];
}

function createInstrument(type: 'gauge' | 'counter', options: InstrumentOptions): Instrument {
  if (type === 'gauge') {
    const gauge = new Gauge(options);
    return { reset: () => gauge.reset(), add: (labels, value) => gauge.set(labels, value) };
  }
  // The totals are kept by the agent; reset and one increment sets a counter to such a total.
  const counter = new Counter(options);
  return { reset: () => counter.reset(), add: (labels, value) => counter.inc(labels, Math.max(0, value)) };
}
