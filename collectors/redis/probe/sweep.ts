/** Looks at every key of a node or slot with one cheap command, in bounded steps, and keeps the most telling ones. */
import * as z from 'zod';
import { Failure } from '../../shared/failures.ts';
import { type CommandLine, type Reply, requireValue } from '../node.ts';
import type { ProbeContext } from './context.ts';

/** One SCAN of this size blocks the server for about half a millisecond (measured: 85 µs at 100, 760 µs at 1,000). */
const SCAN_COUNT = 500;

export interface Seen {
  readonly key: string;
  readonly value: number;
}

export interface Sweep {
  /** Highest value first, `keep` at most. */
  readonly best: readonly Seen[];
  readonly seen: number;
  /** False when the limit of keys or the time ended it early. */
  readonly complete: boolean;
}

export interface SweepOptions {
  readonly commandFor: (key: string) => CommandLine;
  /** Higher is hotter; undefined leaves the key out. */
  readonly score: (reply: number) => number | undefined;
  readonly keep: number;
  readonly maxKeys: number;
  /** By the clock of the context; the sweep ends early rather than late. */
  readonly untilMs: number;
}

const bytes = z.union([z.string(), z.instanceof(Buffer)]);
const scanReply = z.tuple([bytes, z.array(bytes)]);

/** One round trip a step: the keys of the last SCAN are asked together with the next SCAN. */
export async function sweepNode(context: ProbeContext, options: SweepOptions): Promise<Sweep> {
  const best = new Best(options.keep);
  let cursor = '0';
  let keys: readonly string[] = [];
  let seen = 0;
  let complete = false;
  for (;;) {
    const last = complete || seen + keys.length >= options.maxKeys || context.now() >= options.untilMs;
    const lines = keys.map(options.commandFor);
    const replies = await context.node.pipeline(
      last ? lines : [...lines, ['SCAN', cursor, 'COUNT', SCAN_COUNT]],
      context.signal,
    );
    scoreReplies(keys, replies, options, best);
    seen += keys.length;
    context.onProgress?.(seen, Math.max(seen, context.info.keys));
    if (last) break;
    const scan = requireValue(replies.at(-1));
    const parsed = scanReply.safeParse(scan);
    if (!parsed.success) throw new Failure('garbage', 'the reply to SCAN is not a cursor and keys');
    cursor = String(parsed.data[0]);
    keys = parsed.data[1].map((raw) => context.names.decode(raw));
    complete = cursor === '0';
  }
  return { best: best.sorted(), seen, complete };
}

/** The same for keys that are known by name. */
export async function lookAtKeys(
  context: ProbeContext,
  keys: readonly string[],
  options: Pick<SweepOptions, 'commandFor' | 'score' | 'keep'>,
): Promise<Seen[]> {
  const best = new Best(options.keep);
  for (let at = 0; at < keys.length; at += SCAN_COUNT) {
    const part = keys.slice(at, at + SCAN_COUNT);
    scoreReplies(part, await context.node.pipeline(part.map(options.commandFor), context.signal), options, best);
  }
  return best.sorted();
}

function scoreReplies(
  keys: readonly string[],
  replies: readonly Reply[],
  options: Pick<SweepOptions, 'score'>,
  best: Best,
): void {
  for (const [index, key] of keys.entries()) {
    const reply = replies[index];
    if (reply === undefined) continue;
    if (!reply.ok) {
      // A key that expired or moved since SCAN is no failure; a refused command is one for all keys alike.
      if (reply.failure.code === 'moved') continue;
      throw reply.failure;
    }
    if (reply.value === null) continue;
    if (typeof reply.value !== 'number' || !Number.isSafeInteger(reply.value) || reply.value < 0) {
      throw new Failure('garbage', 'a key has a counter or an idle time that is no number');
    }
    const value = options.score(reply.value);
    if (value !== undefined) best.add({ key, value });
  }
}

/** The highest `size` values seen, in memory bounded by twice that. SCAN may return a key more than once: the latest counts. */
class Best {
  readonly #size: number;
  #entries = new Map<string, number>();
  #least = Number.NEGATIVE_INFINITY;

  constructor(size: number) {
    this.#size = size;
  }

  add({ key, value }: Seen): void {
    if (value <= this.#least) return;
    this.#entries.set(key, value);
    if (this.#entries.size < 2 * this.#size) return;
    const best = this.sorted();
    this.#entries = new Map(best.map((seen) => [seen.key, seen.value]));
    this.#least = best.at(-1)?.value ?? this.#least;
  }

  sorted(): Seen[] {
    const entries = [...this.#entries].map(([key, value]) => ({ key, value }));
    return entries.sort((a, b) => b.value - a.value).slice(0, this.#size);
  }
}
