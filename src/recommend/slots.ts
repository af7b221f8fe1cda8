/** Which master a key name falls on, and which suffixes of it fall on distinct masters. */
import calculateSlot from 'cluster-key-slot';
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
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  if (close > open + 1) return { before: `${key.slice(0, close)}:`, after: key.slice(close) };
  return { before: `${key}:`, after: '' };
}

export function ownerOf(key: string, topology: SlotTopology): string | undefined {
  const slot = calculateSlot(key);
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
