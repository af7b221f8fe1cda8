/**
 * LATENCY HISTOGRAM: the distribution of what commands took inside the server, cumulative by bucket since the last
 * reset (Redis 7.0). The p99 of a window comes from the differences of its buckets.
 */
import * as z from 'zod';
import { Failure } from '../shared/failures.ts';

const integer = z.number().int().nonnegative();
const pairs = z.array(z.unknown());

/** Counts by upper bound of the bucket in µs, of all commands together but those named in `except`; not cumulative. */
export type Buckets = ReadonlyMap<number, number>;

/**
 * @param reply of LATENCY HISTOGRAM: [command, [`calls`, n, `histogram_usec`, [upper, cumulative count, …]], …]
 * @throws Failure `garbage`
 */
export function parseLatencyHistogram(reply: unknown, except: ReadonlySet<string>): Buckets {
  const list = pairs.safeParse(reply);
  if (!list.success) throw garbage();
  const buckets = new Map<number, number>();
  if (list.data.length % 2 !== 0) throw garbage();
  for (let at = 0; at < list.data.length; at += 2) {
    const command = list.data[at];
    const detail = pairs.safeParse(list.data[at + 1]);
    if (typeof command !== 'string' || !detail.success) throw garbage();
    if (except.has(command.toLowerCase())) continue;
    const named = detail.data.indexOf('histogram_usec');
    const histogram = z.array(integer).safeParse(named < 0 ? undefined : detail.data[named + 1]);
    if (!histogram.success || histogram.data.length % 2 !== 0) throw garbage();
    let before = 0;
    for (let bucket = 0; bucket + 1 < histogram.data.length; bucket += 2) {
      const upper = histogram.data[bucket] ?? 0;
      const cumulative = histogram.data[bucket + 1] ?? 0;
      if (cumulative < before) throw garbage();
      buckets.set(upper, (buckets.get(upper) ?? 0) + cumulative - before);
      before = cumulative;
    }
  }
  return buckets;
}

/** @returns seconds, the upper bound of the bucket that holds the quantile; undefined for an empty window */
export function quantile(counts: Buckets, q: number): number | undefined {
  const sorted = [...counts].filter(([, count]) => count > 0).sort(([a], [b]) => a - b);
  let total = 0;
  for (const [, count] of sorted) total += count;
  let seen = 0;
  for (const [upper, count] of sorted) {
    seen += count;
    if (seen >= q * total) return upper / 1e6;
  }
  return undefined;
}

function garbage(): Failure {
  return new Failure('garbage', 'the reply to LATENCY HISTOGRAM is not a histogram');
}
