/**
 * The tour: a real cluster on this machine under a load whose hot keys appear and go, for an agent to watch as it
 * would any other. Tells its story line by line; leaves no process and no file behind.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { findServer } from './binaries.ts';
import { startCluster } from './cluster.ts';
import { type Load, prefill, startLoad } from './load.ts';
import type { ServerConfig } from './server.ts';
import type { ServerBinary } from './serverCache.ts';
import { BACKGROUND, type Chapter, STORY } from './story.ts';

export interface TourOptions {
  readonly log: (line: string) => void;
  /** Ends the start and the story; stop() must be called all the same once the tour has started. */
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where fetched servers are kept. */
  readonly cacheDir: string;
  /** Calls per second; 8,000 by default. */
  readonly rate?: number;
  /** 40 s by default. */
  readonly hotMs?: number;
  /** 25 s by default. */
  readonly quietMs?: number;
  readonly story?: readonly Chapter[];
}

export interface Tour {
  readonly seedUrls: readonly string[];
  /** One line for people: which server, how many masters, where, how much load. */
  readonly describe: string;
  /** Resolves when every process has ended and every file is gone. May be called twice. */
  stop(): Promise<void>;
}

const MASTERS = 3;
const RATE = 8_000;
const HOT_MS = 40_000;
const QUIET_MS = 25_000;

/** Rejects with ServerNotFoundError when no server can be had; leaves nothing behind when it rejects or is aborted. */
export async function startTour(options: TourOptions): Promise<Tour> {
  const { log, signal, rate = RATE } = options;
  const binary = await findServer(options);
  const cluster = await startCluster(binary, { masters: MASTERS, config: slotStatistics(binary), signal });
  let load: Load | undefined;
  const ending = new AbortController();
  let telling: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      ending.abort();
      await telling;
      await load?.stop();
      await cluster.stop();
    })();
    return stopping;
  };
  try {
    signal.throwIfAborted();
    await prefill(cluster, BACKGROUND);
    load = await startLoad(cluster, { mix: [BACKGROUND], rate });
    signal.throwIfAborted();
  } catch (error) {
    await stop();
    throw error;
  }
  telling = tell(load, options, AbortSignal.any([signal, ending.signal])).catch((error: unknown) => {
    if (!signal.aborted && !ending.signal.aborted) log(`tour: the story broke off: ${String(error)}`);
  });
  const seedUrls = cluster.nodes.map(({ url }) => url);
  const server = `${binary.name === 'valkey' ? 'Valkey' : 'Redis'} ${binary.version}`;
  const ports = cluster.nodes.map(({ port }) => port).join(', ');
  const describe = `${server}, ${MASTERS} masters on 127.0.0.1 (ports ${ports}), ${rate} calls/s`;
  return { seedUrls, describe, stop };
}

/** Chapter after chapter, over and over, until it is aborted. */
async function tell(load: Load, options: TourOptions, signal: AbortSignal): Promise<void> {
  const { log, hotMs = HOT_MS, quietMs = QUIET_MS, story = STORY } = options;
  while (story.length > 0) {
    for (const { title, mix, lasts } of story) {
      const ms = lasts === 'hot' ? hotMs : quietMs;
      await load.set(mix);
      signal.throwIfAborted();
      log(`tour: ${title} (for ${Math.round(ms / 1_000)} s)`);
      await sleep(ms, undefined, { signal });
    }
  }
}

/** Where the server counts by slot, it may: the agent then needs no costlier look to find the key. */
function slotStatistics({ name, version }: ServerBinary): ServerConfig {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const counts = name === 'valkey' ? major >= 8 : major > 8 || (major === 8 && minor >= 2);
  return counts ? { 'cluster-slot-stats-enabled': 'yes' } : {};
}
