/** Which master a key name falls on, and which suffixes of it fall on distinct masters. */
import type { SlotTopology } from '../model.ts';

/** A key name with a place for a number: copies and shards of a key. */
export interface NumberedKey {
  readonly before: string;
  readonly after: string;
}

/** Suffixes are tried in this order up to here; 16,384 slots over any sane number of masters need far fewer. */
const MAX_SUFFIX = 20_000;

/**
 * `product:99` → `product:99:0`; with a hash tag the number goes inside it, `{US}:likes` → `{US:0}:likes`, since the
 * slot is made of the tag alone (Redis cluster specification, "Hash tags").
 */
export function numberedKey(key: string): NumberedKey {
  const tag = hashTag(key);
  if (tag === undefined) return { before: `${key}:`, after: '' };
  return { before: `${key.slice(0, tag.end)}:`, after: key.slice(tag.end) };
}

/** What is between the first brace and the next closing one; nothing between them is no tag. */
function hashTag(key: string): { start: number; end: number } | undefined {
  const start = key.indexOf('{') + 1;
  const end = start === 0 ? -1 : key.indexOf('}', start);
  return end > start ? { start, end } : undefined;
}

/** By the rule of the server. The package cluster-key-slot takes a tag out of `a{}{b}`, the server does not (measured). */
export function slotOf(key: string): number {
  const tag = hashTag(key);
  return crc16(Buffer.from(tag === undefined ? key : key.slice(tag.start, tag.end))) % 16_384;
}

/** CRC-16/XMODEM, as of the Redis cluster specification. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
  }
  return crc;
}

export function ownerOf(key: string, topology: SlotTopology): string | undefined {
  const slot = slotOf(key);
  return topology.masters.find(({ ranges }) => ranges.some(([first, last]) => slot >= first && slot <= last))?.peer;
}

/** For every master the smallest number whose key falls on it, by CRC16 and the live slot map. */
export function suffixByMaster(key: NumberedKey, topology: SlotTopology): Map<string, number> {
  const found = new Map<string, number>();
  const owners = topology.masters.filter(({ ranges }) => ranges.length > 0).length;
  for (let suffix = 0; suffix < MAX_SUFFIX && found.size < owners; suffix++) {
    const owner = ownerOf(`${key.before}${suffix}${key.after}`, topology);
    if (owner !== undefined && !found.has(owner)) found.set(owner, suffix);
  }
  return found;
}
