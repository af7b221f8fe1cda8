/** Asks for the masters of a target: whoever answers first of a few nodes, so that a dead one costs no time. */
import { withDeadline } from '../shared/deadline.ts';
import { Failure } from '../shared/failures.ts';
import { type Address, nameOf } from './access.ts';
import type { RedisTargetConfig } from './config.ts';
import { failureOf } from './errors.ts';
import { RedisNode } from './node.ts';
import { readInfo } from './read-info.ts';
import { type Master, parseClusterSlots, parseSentinelMaster, standaloneMaster } from './topology.ts';
import { parseRedisUrl } from './url.ts';

export interface Found {
  readonly masters: readonly Master[];
  readonly cluster: boolean;
}

/** How many nodes are asked at once. */
const ASKED_AT_ONCE = 3;

export class TopologyFinder {
  readonly #config: RedisTargetConfig;
  readonly #node: (address: Address) => RedisNode;
  readonly #deadlineMs: number;
  readonly #seeds: readonly Address[];
  readonly #sentinels: readonly RedisNode[];
  #mode: 'standalone' | 'cluster' | 'sentinel' | undefined;
  /** Where the next search begins: at who answered last, or past those who did not. */
  #rotation = 0;

  /** @param deadlineMs how long one of those asked may take, also when another has answered before it */
  constructor(config: RedisTargetConfig, node: (address: Address) => RedisNode, deadlineMs: number) {
    this.#config = config;
    this.#node = node;
    this.#deadlineMs = deadlineMs;
    this.#seeds = config.urls.map(addressOf);
    this.#mode = config.mode === 'auto' ? undefined : config.mode;
    const { sentinel, tls } = config;
    this.#sentinels =
      sentinel === undefined
        ? []
        : this.#seeds.map(
            (address) =>
              new RedisNode(address, {
                ...(sentinel.username !== undefined && { username: sentinel.username }),
                ...(sentinel.password !== undefined && { password: sentinel.password }),
                ...(sentinel.tls && tls !== undefined && { tls }),
              }),
          );
  }

  isSeed(name: string): boolean {
    return this.#mode !== 'sentinel' && this.#seeds.some((seed) => nameOf(seed) === name);
  }

  /** @throws Failure when no one could tell */
  async find(known: readonly Master[], signal: AbortSignal): Promise<Found> {
    this.#mode ??= await this.#askMode(signal);
    if (this.#mode === 'sentinel') return this.#fromSentinels(signal);
    if (this.#mode === 'standalone') {
      const alone = this.#seeds.length === 1;
      return { masters: this.#seeds.map((seed) => standaloneMaster(seed, alone)), cluster: false };
    }
    const addresses = new Map([...known.map(({ address }) => address), ...this.#seeds].map((a) => [nameOf(a), a]));
    const masters = await this.#firstOf([...addresses.values()], signal, async (address, within) => {
      const map = parseClusterSlots(await this.#node(address).ask(['CLUSTER', 'SLOTS'], within), address);
      // One that was reset, or never joined, knows of no slot: the others decide.
      if (map.length > 0) return map;
      throw new Failure('unreachable', `${nameOf(address)} knows of no slots assigned to any master`, {
        remedy: 'redis-cli --cluster create, or CLUSTER ADDSLOTS; CLUSTER MEET where this node alone was reset',
      });
    });
    return { masters, cluster: true };
  }

  close(): void {
    for (const sentinel of this.#sentinels) sentinel.close();
  }

  async #askMode(signal: AbortSignal): Promise<'standalone' | 'cluster'> {
    const mode = await this.#firstOf(this.#seeds, signal, async (address, within) => {
      const info = await readInfo(this.#node(address), within);
      return info.mode;
    });
    if (mode === 'sentinel') {
      throw new Failure('unsupported', 'this is a sentinel, not a server', {
        remedy: 'mode: sentinel and sentinel.name of the target',
      });
    }
    return mode;
  }

  async #fromSentinels(signal: AbortSignal): Promise<Found> {
    const name = this.#config.sentinel?.name ?? '';
    const address = await this.#firstOf(this.#sentinels, signal, async (sentinel, within) =>
      parseSentinelMaster(await sentinel.ask(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name], within), name),
    );
    return { masters: [standaloneMaster(address, true)], cluster: false };
  }

  /**
   * The first answer, a few asked at a time. The slower ones keep the rest of their own deadline: to abort them with the
   * first answer would drop the connections that the poll is about to use, and never to abort them would let questions
   * to a mute one pile up.
   */
  async #firstOf<S, T>(
    sources: readonly S[],
    signal: AbortSignal,
    ask: (source: S, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const failures: Failure[] = [];
    const start = this.#rotation;
    for (let from = 0; from < sources.length && (from === 0 || !signal.aborted); from += ASKED_AT_ONCE) {
      const length = Math.min(ASKED_AT_ONCE, sources.length - from);
      const asked = Array.from({ length }, async (_, offset) => {
        const at = (start + from + offset) % sources.length;
        const source = sources[at];
        if (source === undefined) throw new Failure('internal', 'no one to ask');
        return { at, answer: await withDeadline(signal, this.#deadlineMs, (within) => ask(source, within)) };
      });
      try {
        const { at, answer } = await Promise.any(asked);
        this.#rotation = at;
        return answer;
      } catch (error) {
        if (error instanceof AggregateError) failures.push(...error.errors.map((cause) => failureOf(cause)));
        this.#rotation += length;
      }
    }
    const [first] = failures;
    throw first ?? new Failure('internal', 'no one to ask');
  }
}

function addressOf(url: string): Address {
  const parsed = parseRedisUrl(url);
  if (typeof parsed === 'string') throw new TypeError(`a url of the target ${parsed}`);
  return { host: parsed.host, port: parsed.port };
}
