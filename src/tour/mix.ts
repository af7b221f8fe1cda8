/** What a load is made of, and how one call of it is drawn. No I/O. */
import { weightedSampler, zipfSampler } from './random.ts';

/** Many keys, each its Zipf share: what traffic looks like when no key is singled out. Takes what the hot parts leave. */
export interface Background {
  readonly kind: 'background';
  readonly keys: number;
  /** Zipf's s; 0 makes all keys equal. */
  readonly exponent: number;
  /** 0..1 of the calls are GET, the others SET. */
  readonly readRatio: number;
  readonly valueBytes: number;
  /** Keys are `<prefix>0`, `<prefix>1`, …, the most used first. By default "item:". */
  readonly prefix?: string;
}

/** One key that takes `share` (0..1) of all calls. */
export interface HotPart {
  readonly kind: 'read' | 'increment' | 'write';
  readonly key: string;
  readonly share: number;
  /** Of a read (GET) or written (SET) value; 128 by default. */
  readonly valueBytes?: number;
  /**
   * For a read: the key is a list of so many entries and a read searches all of it (LPOS). Costs the server about
   * 16 µs of CPU for each thousand entries, and the client nothing.
   */
  readonly listLength?: number;
}

export type LoadMix = Background | HotPart;

export interface DrawnCall {
  readonly key: string;
  readonly args: readonly [command: string, ...rest: string[]];
  readonly part: LoadMix;
  /** Of a background key, from 0. */
  readonly rank: number;
  readonly isRead: boolean;
}

export const DEFAULT_VALUE_BYTES = 128;
const ABSENT_ENTRY = 'none';

/** Draws calls independently of each other, so that no run of one key comes about. Throws when the mix cannot be. */
export function mixSampler(mix: readonly LoadMix[], random: () => number): () => DrawnCall {
  assertMix(mix);
  const hotShare = mix.reduce((sum, part) => sum + (part.kind === 'background' ? 0 : part.share), 0);
  const draws = mix.map((part) => (part.kind === 'background' ? backgroundDraw(part, random) : hotDraw(part)));
  const weights = mix.map((part) => (part.kind === 'background' ? Math.max(0, 1 - hotShare) : part.share));
  const pick = weightedSampler(weights, random);
  return () => {
    const draw = draws[pick()];
    if (draw === undefined) throw new RangeError('mix: drew a part that is not there');
    return draw();
  };
}

/** What must be sent once before a hot key can be called. */
export function preparation(part: HotPart): readonly (readonly [command: string, ...rest: string[]])[] {
  const { key, kind, valueBytes = DEFAULT_VALUE_BYTES, listLength } = part;
  if (kind === 'increment') return [['set', key, '0']];
  if (kind === 'write' || listLength === undefined) return [['set', key, 'x'.repeat(valueBytes)]];
  const entries = Array.from({ length: listLength }, (_, i) => `post:${i}`);
  return [
    ['del', key],
    ['rpush', key, ...entries],
  ];
}

function backgroundDraw(part: Background, random: () => number): () => DrawnCall {
  const rankOf = zipfSampler(part.keys, part.exponent, random);
  const names = Array.from({ length: part.keys }, (_, i) => backgroundKey(part, i));
  const value = 'x'.repeat(part.valueBytes);
  return () => {
    const rank = rankOf();
    const key = names[rank] ?? backgroundKey(part, rank);
    const isRead = random() < part.readRatio;
    return { key, args: isRead ? ['get', key] : ['set', key, value], part, rank, isRead };
  };
}

function hotDraw(part: HotPart): () => DrawnCall {
  const { key, kind, valueBytes = DEFAULT_VALUE_BYTES, listLength } = part;
  const reading: DrawnCall['args'] = listLength === undefined ? ['get', key] : ['lpos', key, ABSENT_ENTRY];
  const writing: DrawnCall['args'] = kind === 'increment' ? ['incr', key] : ['set', key, 'x'.repeat(valueBytes)];
  const call: DrawnCall = { key, args: kind === 'read' ? reading : writing, part, rank: 0, isRead: kind === 'read' };
  return () => call;
}

export function backgroundKey(part: { readonly prefix?: string }, rank: number): string {
  return `${part.prefix ?? 'item:'}${rank}`;
}

function assertMix(mix: readonly LoadMix[]): void {
  let hotShare = 0;
  let backgrounds = 0;
  for (const part of mix) {
    if (part.kind === 'background') {
      backgrounds++;
      if (!(part.keys >= 1)) throw new RangeError(`mix: background.keys is ${part.keys}; at least 1`);
    } else {
      if (!(part.share > 0 && part.share <= 1)) throw new RangeError(`mix: the share of ${part.key} is ${part.share}`);
      hotShare += part.share;
    }
  }
  if (hotShare > 1 + 1e-9) throw new RangeError(`mix: the shares add up to ${hotShare}; 1 at most`);
  if (backgrounds > 1) throw new RangeError(`mix: ${backgrounds} backgrounds; 1 at most`);
  if (backgrounds === 0 && hotShare < 1 - 1e-9) {
    throw new RangeError(`mix: the shares add up to ${hotShare}; without a background they must make 1`);
  }
}
