/** Paces a load on real servers and counts, call by call, what was answered: the truth that findings are held against. */
import { isDeepStrictEqual } from 'node:util';
import {
  type Background,
  backgroundKey,
  DEFAULT_VALUE_BYTES,
  type DrawnCall,
  type LoadMix,
  mixSampler,
  preparation,
} from './mix.ts';
import { poisson, seededRandom } from './random.ts';
import { type Address, type Call, Router } from './router.ts';

export type { Background, HotPart, LoadMix } from './mix.ts';

export interface LoadOptions {
  readonly mix: readonly LoadMix[];
  /** Calls per second; 5,000 by default, up to about 40,000 on two cores. */
  readonly rate?: number;
  readonly seed?: number;
  /** 4 by default. */
  readonly clientsPerNode?: number;
  readonly password?: string;
}

/** Sums since the load began. Only answered calls count as made. */
export interface LoadCounts {
  readonly answered: number;
  /** "host:port" → answered calls. */
  readonly byNode: Readonly<Record<string, number>>;
  /** Hot key → answered calls, by kind; keys that were taken out of the mix keep their sums. */
  readonly hot: Readonly<
    Record<string, { readonly reads: number; readonly increments: number; readonly writes: number }>
  >;
  readonly background: { readonly reads: number; readonly writes: number; readonly byRank: Uint32Array };
  /** Calls that failed or were never sent, by reason. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls that fell out because this process was too late to send them. */
  readonly skipped: number;
}

export interface Load {
  /** Replaces the mix, and the rate if given, while running; resolves when the new hot keys are there and it is in force. */
  set(mix: readonly LoadMix[], rate?: number): Promise<void>;
  setRate(rate: number): void;
  counts(): LoadCounts;
  /** "host:port" of the master that carries the key now. */
  ownerOf(key: string): string;
  /** Resolves with the last counts when every call was answered or given up (within 1 s). */
  stop(): Promise<LoadCounts>;
}

/** As smooth as a timer allows: the users of a real server do not call all at the same moment. */
const TICK_MS = 1;
/** What is later than this is left out, or a pause of ours would end in a burst no user makes. */
const CATCH_UP_MS = 200;
const DEFAULT_RATE = 5_000;

interface Servers {
  readonly nodes: readonly Address[];
}
interface LoadCall extends Call {
  readonly drawn?: DrawnCall;
  readonly settled?: (reason?: string) => void;
}

/** Rejects when no server gives a slot map or the mix cannot be. */
export async function startLoad(servers: Servers, options: LoadOptions): Promise<Load> {
  const { seed = 1, clientsPerNode = 4, password } = options;
  const random = seededRandom(seed);
  const tally = new Tally();
  const router = new Router(servers.nodes, {
    clientsPerNode,
    ...(password === undefined ? {} : { password }),
    onAnswer(call: LoadCall, node) {
      if (call.drawn !== undefined) tally.answer(call.drawn, node);
      call.settled?.();
    },
    onError(call: LoadCall, reason) {
      if (call.drawn !== undefined) tally.error(reason);
      call.settled?.(reason);
    },
  });
  let draw = mixSampler(options.mix, random);
  let rate = options.rate ?? DEFAULT_RATE;
  let mix: readonly LoadMix[] = [];
  const set = async (next: readonly LoadMix[], nextRate?: number) => {
    const nextDraw = mixSampler(next, random);
    for (const part of next) {
      if (part.kind === 'background' || mix.some((known) => isDeepStrictEqual(known, part))) continue;
      for (const args of preparation(part)) await request(router, { key: part.key, args });
    }
    mix = next;
    draw = nextDraw;
    rate = nextRate ?? rate;
  };
  try {
    await router.open();
    await set(options.mix);
  } catch (error) {
    await router.close(0);
    throw error;
  }
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const dueMs = Math.min(now - last, CATCH_UP_MS);
    tally.skipped += Math.round(((now - last - dueMs) * rate) / 1_000);
    last = now;
    const calls: LoadCall[] = [];
    for (let left = poisson((dueMs * rate) / 1_000, random); left > 0; left--) {
      const drawn = draw();
      calls.push({ key: drawn.key, args: drawn.args, drawn });
    }
    router.send(calls);
  }, TICK_MS);
  let stopping: Promise<void> | undefined;
  return {
    set,
    setRate(next) {
      rate = next;
    },
    counts: () => tally.counts(),
    ownerOf: (key) => router.ownerOf(key),
    async stop() {
      clearInterval(timer);
      stopping ??= router.close();
      await stopping;
      return tally.counts();
    },
  };
}

/** Writes the background's keys, so that its reads find them. Rejects when a key could not be written. */
export async function prefill(
  servers: Servers,
  options: Pick<Background, 'keys' | 'prefix'> & { readonly valueBytes?: number; readonly password?: string },
): Promise<void> {
  const { keys, valueBytes = DEFAULT_VALUE_BYTES, password } = options;
  const value = 'x'.repeat(valueBytes);
  const failures: string[] = [];
  const router = new Router(servers.nodes, {
    clientsPerNode: 1,
    ...(password === undefined ? {} : { password }),
    onAnswer() {},
    onError(call, reason) {
      failures.push(`${call.key}: ${reason}`);
    },
  });
  try {
    await router.open();
    const atOnce = 3_000;
    for (let first = 0; first < keys && failures.length === 0; first += atOnce) {
      const names = Array.from({ length: Math.min(atOnce, keys - first) }, (_, i) => backgroundKey(options, first + i));
      router.send(names.map((key) => ({ key, args: ['set', key, value] as const })));
      await router.settle();
    }
  } finally {
    await router.close();
  }
  if (failures.length > 0) throw new Error(`prefill: could not write ${failures[0]}`);
}

/** What came between two counts of one load. */
export function countsBetween(before: LoadCounts, after: LoadCounts): LoadCounts {
  return {
    answered: after.answered - before.answered,
    skipped: after.skipped - before.skipped,
    byNode: minus(after.byNode, before.byNode),
    errors: minus(after.errors, before.errors),
    hot: Object.fromEntries(
      Object.entries(after.hot).map(([key, { reads, increments, writes }]) => {
        const was = before.hot[key] ?? { reads: 0, increments: 0, writes: 0 };
        return [
          key,
          { reads: reads - was.reads, increments: increments - was.increments, writes: writes - was.writes },
        ];
      }),
    ),
    background: {
      reads: after.background.reads - before.background.reads,
      writes: after.background.writes - before.background.writes,
      byRank: after.background.byRank.map((value, rank) => value - (before.background.byRank[rank] ?? 0)),
    },
  };
}

class Tally {
  skipped = 0;
  #answered = 0;
  readonly #byNode: Record<string, number> = {};
  readonly #hot: Record<string, { reads: number; increments: number; writes: number }> = {};
  #reads = 0;
  #writes = 0;
  #byRank = new Uint32Array(0);
  readonly #errors: Record<string, number> = {};

  answer({ part, rank, isRead }: DrawnCall, node: string): void {
    this.#answered++;
    this.#byNode[node] = (this.#byNode[node] ?? 0) + 1;
    if (part.kind !== 'background') {
      this.#hot[part.key] ??= { reads: 0, increments: 0, writes: 0 };
      const sums = this.#hot[part.key];
      if (sums !== undefined) sums[`${part.kind}s`]++;
      return;
    }
    if (isRead) this.#reads++;
    else this.#writes++;
    if (rank >= this.#byRank.length) {
      const grown = new Uint32Array(part.keys);
      grown.set(this.#byRank);
      this.#byRank = grown;
    }
    this.#byRank[rank] = (this.#byRank[rank] ?? 0) + 1;
  }

  error(reason: string): void {
    this.#errors[reason] = (this.#errors[reason] ?? 0) + 1;
  }

  counts(): LoadCounts {
    return {
      answered: this.#answered,
      skipped: this.skipped,
      byNode: { ...this.#byNode },
      hot: structuredClone(this.#hot),
      background: { reads: this.#reads, writes: this.#writes, byRank: this.#byRank.slice() },
      errors: { ...this.#errors },
    };
  }
}

function request(router: Router, call: Call): Promise<void> {
  return new Promise((resolve, reject) => {
    const settled = (reason?: string) =>
      reason === undefined ? resolve() : reject(new Error(`load: ${call.args[0]} ${call.key}: ${reason}`));
    const tracked: LoadCall = { ...call, settled };
    router.send([tracked]);
  });
}

function minus(after: Readonly<Record<string, number>>, before: Readonly<Record<string, number>>) {
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]));
}
