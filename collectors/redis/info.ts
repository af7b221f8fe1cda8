/** Parses INFO: what a node says of itself in one reply. */
import * as z from 'zod';
import { Failure } from '../shared/failures.ts';

export interface CommandStats {
  readonly calls: number;
  readonly usec: number;
}

export interface NodeInfo {
  readonly server: 'redis' | 'valkey';
  readonly version: string;
  readonly mode: 'standalone' | 'cluster' | 'sentinel';
  readonly role: 'master' | 'slave' | 'sentinel';
  /** Changes with every start of the process. */
  readonly runId: string;
  /** By the server's clock; missing before 6.2. */
  readonly serverTimeMs?: number;
  readonly loading: boolean;
  /** Here and below, what is missing was not in the reply. Cumulative seconds of the main thread, or of the whole process where the server does not tell them apart. */
  readonly mainThreadCpuSeconds?: number;
  readonly netInputBytes?: number;
  readonly netOutputBytes?: number;
  /** Look-ups of a key for reading that found it. Our own OBJECT questions count too. */
  readonly keyspaceHits?: number;
  readonly usedMemory?: number;
  /** 0: no limit. */
  readonly maxMemory: number;
  readonly evictionPolicy: string;
  readonly clients: number;
  readonly keys: number;
  /** In databases other than 0, which SCAN on our connection does not see. */
  readonly keysElsewhere: number;
  /** Keys that the server itself removed: expired or evicted. Cumulative. */
  readonly keysRemoved?: number;
  /** The cached clock of access times, in seconds, as the keys see it. */
  readonly lruClock?: number;
  readonly commands: ReadonlyMap<string, CommandStats>;
}

/** No counter of a server is wider than 64 bits; differences and sums of these stay finite. */
const MOST = 2 ** 64;
const number = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .transform(Number)
  .refine((value) => value <= MOST);
const mode = z.enum(['standalone', 'cluster', 'sentinel']);

const fields = z.object({
  redis_version: z.string().optional(),
  valkey_version: z.string().optional(),
  redis_mode: mode.optional(),
  /** What Valkey calls it unless `extended-redis-compatibility` is on. */
  server_mode: mode.optional(),
  role: z.enum(['master', 'slave']).optional(),
  run_id: z.string().min(1),
  server_time_usec: number.optional(),
  lru_clock: number.optional(),
  loading: z.enum(['0', '1']).default('0'),
  used_cpu_user_main_thread: number.optional(),
  used_cpu_sys_main_thread: number.optional(),
  used_cpu_user: number.optional(),
  used_cpu_sys: number.optional(),
  total_net_input_bytes: number.optional(),
  total_net_output_bytes: number.optional(),
  keyspace_hits: number.optional(),
  expired_keys: number.optional(),
  evicted_keys: number.optional(),
  used_memory: number.optional(),
  maxmemory: number.optional(),
  maxmemory_policy: z.string().optional(),
  connected_clients: number.optional(),
});

const WANTED: ReadonlySet<string> = new Set(Object.keys(fields.shape));

const COMMAND_LINE = /^calls=(\d{1,20}),usec=(\d{1,20})(,|$)/;
const KEYSPACE_LINE = /^keys=(\d{1,20})(,|$)/;

/**
 * @param text the reply to INFO, of any sections that include Server
 * @throws Failure `garbage` when it is not the INFO of a server
 */
export function parseInfo(text: string): NodeInfo {
  const raw = new Map<string, string>();
  const commands = new Map<string, CommandStats>();
  let keys = 0;
  let keysElsewhere = 0;
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0 || line.startsWith('#')) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trimEnd();
    if (name.startsWith('cmdstat_')) {
      const match = COMMAND_LINE.exec(value);
      if (match === null) throw garbage(name);
      commands.set(name.slice(8).toLowerCase(), { calls: Number(match[1]), usec: Number(match[2]) });
    } else if (name.startsWith('db') && /^db\d+$/.test(name)) {
      const match = KEYSPACE_LINE.exec(value);
      if (match === null) throw garbage(name);
      keys += Number(match[1]);
      if (name !== 'db0') keysElsewhere += Number(match[1]);
    } else if (WANTED.has(name)) {
      raw.set(name, value);
    }
  }
  const parsed = fields.safeParse(Object.fromEntries(raw));
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
    throw garbage(wrong);
  }
  const info = parsed.data;
  const infoMode = info.server_mode ?? info.redis_mode ?? 'standalone';
  const user = info.used_cpu_user_main_thread ?? info.used_cpu_user;
  const sys = info.used_cpu_sys_main_thread ?? info.used_cpu_sys;
  return {
    server: info.valkey_version === undefined ? 'redis' : 'valkey',
    version: info.valkey_version ?? info.redis_version ?? '0.0.0',
    mode: infoMode,
    role: infoMode === 'sentinel' ? 'sentinel' : (info.role ?? 'master'),
    runId: info.run_id,
    ...(info.server_time_usec !== undefined && { serverTimeMs: info.server_time_usec / 1000 }),
    loading: info.loading === '1',
    ...(user !== undefined && sys !== undefined && { mainThreadCpuSeconds: user + sys }),
    ...(info.total_net_input_bytes !== undefined && { netInputBytes: info.total_net_input_bytes }),
    ...(info.total_net_output_bytes !== undefined && { netOutputBytes: info.total_net_output_bytes }),
    ...(info.keyspace_hits !== undefined && { keyspaceHits: info.keyspace_hits }),
    ...(info.used_memory !== undefined && { usedMemory: info.used_memory }),
    maxMemory: info.maxmemory ?? 0,
    evictionPolicy: info.maxmemory_policy ?? '',
    clients: info.connected_clients ?? 0,
    keys,
    keysElsewhere,
    ...(info.expired_keys !== undefined && { keysRemoved: info.expired_keys + (info.evicted_keys ?? 0) }),
    ...(info.lru_clock !== undefined && { lruClock: info.lru_clock }),
    commands,
  };
}

function garbage(wrong: string): Failure {
  return new Failure('garbage', `the reply to INFO is not a server's: ${wrong} missing or malformed`);
}

/** True when `version` is at least `major.minor`. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map((part) => Number.parseInt(part, 10)); // `8.6-rc1` is of 8.6
  return a > major || (a === major && b >= minor);
}
