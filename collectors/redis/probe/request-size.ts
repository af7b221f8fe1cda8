/**
 * How many calls fit into some bytes: where only bytes are counted by key or slot, the shortest request for a key
 * bounds its calls from above, and for reads and increments is nearly what they are.
 */

/** Bytes of GET in the protocol: what a slot's network-bytes-in counts for it (measured on Valkey 9.1 and Redis 8.6). */
export function shortestRequest(key: string): number {
  const bytes = Buffer.byteLength(key);
  return '*2\r\n$3\r\nGET\r\n$\r\n\r\n'.length + String(bytes).length + bytes;
}

/** Bytes of the shortest reply: `:1\r\n`, `$-1\r\n` and `+OK\r\n` are as long or longer. */
export const SHORTEST_REPLY = 4;
