/**
 * Sends commands straight to the master that owns the key's slot, in batches over a few plain connections a node.
 * Follows MOVED and ASK, reads the slot map anew when a node is away, counts errors instead of throwing them.
 */

import { Redis } from 'ioredis';
import { slotOf } from '../recommend/slots.ts';
import { SLOTS } from './cluster.ts';
import { readSlots } from './replies.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Call {
  readonly key: string;
  readonly args: readonly [command: string, ...rest: string[]];
}

export interface RouterOptions {
  readonly clientsPerNode: number;
  readonly password?: string;
  /** `node` ("host:port") has answered the call. */
  readonly onAnswer: (call: Call, node: string) => void;
  /** The call is lost, or may be: what became of it after a connection broke is not known. */
  readonly onError: (call: Call, reason: string) => void;
}

/** Calls a connection may be behind with; beyond it they are dropped, since a paused node would gather them for ever. */
const BACKLOG = 5_000;
const REFRESH_EVERY_MS = 250;
const ATTEMPTS = 4;

export class Router {
  readonly #options: RouterOptions;
  readonly #seeds: readonly Address[];
  readonly #pools = new Map<string, { readonly links: readonly Redis[]; next: number }>();
  readonly #pending = new WeakMap<Redis, number>();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #slotOf = new Map<string, number>();
  /** The owner ("host:port") of each slot. */
  #owners: readonly string[] = [];
  #refreshing: Promise<void> | undefined;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(seeds: readonly Address[], options: RouterOptions) {
    if (!(options.clientsPerNode >= 1)) throw new RangeError('clientsPerNode: at least 1');
    this.#seeds = seeds;
    this.#options = options;
  }

  /** Reads the slot map. Rejects when no node gives one. */
  async open(): Promise<void> {
    await this.#refresh();
    if (this.#owners.length === 0) throw new Error('no node gives a slot map');
    const links = [...new Set(this.#owners)].flatMap((node) => this.#pool(node).links);
    await Promise.all(links.map((link) => link.ping().catch(() => undefined)));
  }

  /** "host:port" of the master that a call with this key goes to. */
  ownerOf(key: string): string {
    return this.#owners[this.slotOf(key)] ?? '';
  }

  slotOf(key: string): number {
    let slot = this.#slotOf.get(key);
    if (slot === undefined) {
      slot = slotOf(key);
      // Bounded: a run over endless distinct keys must not become a leak.
      if (this.#slotOf.size < 1_000_000) this.#slotOf.set(key, slot);
    }
    return slot;
  }

  /** Calls of one owner go out together, in the order given. Returns at once. */
  send(calls: readonly Call[]): void {
    const byOwner = new Map<string, Call[]>();
    for (const call of calls) {
      const owner = this.ownerOf(call.key);
      const batch = byOwner.get(owner);
      if (batch === undefined) byOwner.set(owner, [call]);
      else batch.push(call);
    }
    for (const [owner, batch] of byOwner) {
      const { clientsPerNode } = this.#options;
      const size = Math.ceil(batch.length / clientsPerNode);
      for (let i = 0; i < batch.length; i += size) this.#track(this.#deliver(owner, batch.slice(i, i + size), 1));
    }
  }

  /** Resolves when everything sent was answered or failed. */
  async settle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
  }

  /** Waits a moment for answers, then closes every connection; calls without an answer count as errors. */
  async close(withinMs = 1_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.settle(), late]);
    clearTimeout(timer);
    this.#closed = true;
    for (const { links } of this.#pools.values()) for (const link of links) link.disconnect();
    await this.settle();
    await this.#refreshing;
  }

  async #deliver(node: string, calls: readonly Call[], attempt: number, asking = false): Promise<void> {
    const { onAnswer, onError } = this.#options;
    const link = this.#link(node);
    const pending = this.#pending.get(link) ?? 0;
    const away = link.status === 'reconnecting' || link.status === 'close' || link.status === 'end';
    if (away || pending + calls.length > BACKLOG) {
      const reason = away ? 'disconnected' : 'backlog';
      for (const call of calls) onError(call, reason);
      this.#soonRefresh();
      return;
    }
    this.#pending.set(link, pending + calls.length);
    const lines = calls.map(({ args }) => [...args]);
    let replies: [Error | null, unknown][] | null = null;
    try {
      replies = await link.pipeline(asking ? lines.flatMap((line) => [['asking'], line]) : lines).exec();
    } catch {
      // No reply for any of them: each is counted below.
    }
    this.#pending.set(link, (this.#pending.get(link) ?? 0) - calls.length);
    const elsewhere = new Map<string, Call[]>();
    for (const [i, call] of calls.entries()) {
      const reply = replies?.[asking ? 2 * i + 1 : i];
      if (reply !== undefined && reply[0] === null) {
        onAnswer(call, node);
        continue;
      }
      const message = reply?.[0]?.message ?? '';
      const [kind = '', , address = ''] = message.split(' ');
      if ((kind === 'MOVED' || kind === 'ASK') && attempt < ATTEMPTS) {
        const way = `${kind} ${address}`;
        elsewhere.set(way, [...(elsewhere.get(way) ?? []), call]);
      } else {
        onError(call, /^[A-Z]+$/.test(kind) ? kind : 'disconnected');
        this.#soonRefresh();
      }
    }
    for (const [way, some] of elsewhere) {
      const [kind, address = ''] = way.split(' ');
      if (kind === 'MOVED') this.#soonRefresh();
      await this.#deliver(address, some, attempt + 1, kind === 'ASK');
    }
  }

  #link(node: string): Redis {
    const pool = this.#pool(node);
    pool.next = (pool.next + 1) % pool.links.length;
    const link = pool.links[pool.next];
    if (link === undefined) throw new RangeError(`no connection to ${node}`);
    return link;
  }

  #pool(node: string): { readonly links: readonly Redis[]; next: number } {
    const known = this.#pools.get(node);
    if (known !== undefined) return known;
    const links = Array.from({ length: this.#options.clientsPerNode }, () => this.#dial(node));
    const pool = { links, next: 0 };
    this.#pools.set(node, pool);
    return pool;
  }

  #dial(node: string): Redis {
    const colon = node.lastIndexOf(':');
    const { password } = this.#options;
    const link = new Redis({
      host: node.slice(0, colon),
      port: Number(node.slice(colon + 1)),
      ...(password === undefined ? {} : { password }),
      protocol: 2,
      enableReadyCheck: false,
      // Lost calls are counted, not repeated: a repeated increment would be one too many.
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => (this.#closed ? null : 200),
    });
    link.on('error', () => {});
    return link;
  }

  #soonRefresh(): void {
    if (this.#closed || performance.now() - this.#refreshedAt < REFRESH_EVERY_MS) return;
    this.#track(this.#refresh());
  }

  #refresh(): Promise<void> {
    this.#refreshedAt = performance.now();
    this.#refreshing ??= this.#readOwners().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #readOwners(): Promise<void> {
    const known = [...this.#pools.keys(), ...this.#seeds.map(({ host, port }) => `${host}:${port}`)];
    for (const node of new Set(known)) {
      const link = this.#dial(node);
      // A paused node takes connections and answers none.
      const timer = setTimeout(() => link.disconnect(), 500);
      try {
        const ranges = readSlots(await link.call('CLUSTER', 'SLOTS'));
        const owners = Array.from({ length: SLOTS }, (_, slot) => this.#owners[slot] ?? node);
        for (const { first, last, host, port } of ranges) {
          owners.fill(`${host === '' ? node.slice(0, node.lastIndexOf(':')) : host}:${port}`, first, last + 1);
        }
        this.#owners = owners;
        return;
      } catch (error) {
        if (error instanceof Error && error.message.includes('cluster support disabled')) {
          this.#owners = Array.from({ length: SLOTS }, () => node);
          return;
        }
      } finally {
        clearTimeout(timer);
        link.disconnect();
      }
    }
  }

  #track(work: Promise<void>): void {
    this.#inFlight.add(work);
    void work.finally(() => this.#inFlight.delete(work));
  }
}
