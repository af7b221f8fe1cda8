/** Asks for the masters of a target: whoever answers first of a few nodes, so that a dead one costs no time. */
import { Failure } from '../shared/failures.ts';
import { type Address, nameOf } from './access.ts';
import type { RedisTargetConfig } from './config.ts';
import { failureOf } from './errors.ts';
import { parseInfo } from './info.ts';
import { RedisNode } from './node.ts';
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
  readonly #seeds: readonly Address[];
  readonly #sentinels: readonly RedisNode[];
  #mode: 'standalone' | 'cluster' | 'sentinel' | undefined;
  #rotation = 0;

  constructor(config: RedisTargetConfig, node: (address: Address) => RedisNode) {
    this.#config = config;
    this.#node = node;
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
    const masters = await this.#firstOf([...addresses.values()], async (address) =>
      parseClusterSlots(await this.#node(address).ask(['CLUSTER', 'SLOTS'], signal), address),
    );
    if (masters.length === 0) {
      throw new Failure('unreachable', 'the cluster has no slots assigned to any master', {
        remedy: 'redis-cli --cluster create, or CLUSTER ADDSLOTS',
      });
    }
    return { masters, cluster: true };
  }

  close(): void {
    for (const sentinel of this.#sentinels) sentinel.close();
  }

  async #askMode(signal: AbortSignal): Promise<'standalone' | 'cluster'> {
    const mode = await this.#firstOf(this.#seeds, async (address) => {
      const info = parseInfo(String(await this.#node(address).ask(['INFO', 'all'], signal)));
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
    const address = await this.#firstOf(this.#sentinels, async (sentinel) =>
      parseSentinelMaster(await sentinel.ask(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name], signal), name),
    );
    return { masters: [standaloneMaster(address, true)], cluster: false };
  }

  /** Rotates who is asked first, so that a few dead ones are not asked for ever. */
  async #firstOf<S, T>(sources: readonly S[], ask: (source: S) => Promise<T>): Promise<T> {
    const failures: Failure[] = [];
    for (let from = 0; from < sources.length; from += ASKED_AT_ONCE) {
      const start = this.#rotation + from;
      const asked = Array.from({ length: Math.min(ASKED_AT_ONCE, sources.length - from) }, (_, offset) => {
        const source = sources[(start + offset) % sources.length];
        return source === undefined ? Promise.reject(new Failure('internal', 'no one to ask')) : ask(source);
      });
      try {
        return await Promise.any(asked);
      } catch (error) {
        if (error instanceof AggregateError) failures.push(...error.errors.map((cause) => failureOf(cause)));
        this.#rotation++;
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
