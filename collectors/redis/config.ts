/** The settings of a Redis or Valkey target: their schema with defaults, the rules between them, and what the collector receives. */
import * as z from 'zod';
import type { Secret } from '../shared/secret.ts';
import {
  type Credentials,
  credentialRules,
  isFields,
  isGiven,
  passwordField,
  passwordFileField,
  type RawFields,
  type ReadFile,
  type Report,
  resolveCredentials,
  resolveTls,
  type TlsConfig,
  tlsRules,
  tlsSchema,
  usernameField,
} from '../shared/settings.ts';
import { parseRedisUrl, type RedisUrl, SENTINEL_PORT } from './url.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const rate = z.number().positive().optional();

const redisUrl = z
  .string()
  .superRefine((text, context) => {
    const parsed = parseRedisUrl(text);
    if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed });
  })
  .meta({ secret: true, example: 'redis://host:6379' });

export const redisTargetSchema = z.strictObject({
  mode: z
    .enum(['auto', 'standalone', 'cluster', 'sentinel'])
    .default('auto')
    .describe('How the servers are arranged; `auto` asks the first that answers. Sentinel has to be said.'),
  urls: z
    .array(redisUrl)
    .min(1)
    .describe(
      'Seeds, `redis://host:port`, or `rediss://` for TLS; one is enough, more survive the loss of one. With mode sentinel, the sentinels. User info is allowed, a database number is ignored.',
    ),
  sentinel: z
    .strictObject({
      name: z.string().min(1).describe('The name under which the sentinels know the master.'),
      username: usernameField.describe('User of the sentinels themselves.'),
      password: passwordField.describe('Password of the sentinels themselves.'),
      passwordFile: passwordFileField.describe('File with the password of the sentinels.'),
    })
    .optional()
    .describe('Needed with mode sentinel, and only there.'),
  username: usernameField.describe('ACL user; without it, the default user.'),
  password: passwordField.describe('Password. Prefer `passwordFile`.'),
  passwordFile: passwordFileField.describe('File with the password; one trailing newline is ignored.'),
  tls: tlsSchema
    .optional()
    .describe(
      'TLS beyond what `rediss://` switches on. With mode sentinel and `redis://` urls: TLS to the servers only.',
    ),
  limits: z
    .strictObject({
      cpuCores: z
        .number()
        .positive()
        .max(1024)
        .default(1)
        .describe('Cores that the commands of one node can use: 1, as they run on one thread.'),
      callsPerSecond: rate.describe('Calls a second at which a node saturates, where you know it.'),
      bytesInPerSecond: rate.describe('Bytes received a second at which a node saturates.'),
      bytesOutPerSecond: rate.describe('Bytes sent a second at which a node saturates, say its network limit.'),
    })
    .prefault({})
    .describe('Where a node saturates: what its pressure is measured against.'),
  slotStats: z
    .strictObject({
      intervalMs: z
        .int()
        .min(1000)
        .max(DAY_MS)
        .default(60_000)
        .describe('How often CLUSTER SLOT-STATS is read while nothing is suspected.'),
    })
    .prefault({})
    .describe('Statistics of the slots, where the server has them.'),
  lfu: z
    .strictObject({
      logFactor: z.int().min(0).max(10_000).default(10).describe("The server's lfu-log-factor."),
      decayTimeMinutes: z.int().min(0).max(100_000).default(1).describe("The server's lfu-decay-time."),
    })
    .prefault({})
    .describe('Used only where CONFIG GET is forbidden.'),
  probe: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether hot keys are looked for at all.'),
      hotkeys: z.boolean().default(true).describe('Whether a HOTKEYS session may be run where the server has them.'),
      sweep: z
        .boolean()
        .default(true)
        .describe('Whether all keys of a node may be asked, one cheap question each: LFU counter or idle time.'),
      monitor: z
        .boolean()
        .default(false)
        .describe('Whether a short MONITOR may be run. It slows the node while it lasts and sees all commands.'),
      monitorMs: z.int().min(1).max(10_000).default(100).describe('How long a MONITOR may last.'),
      monitorBytes: z.int().min(1000).max(1_000_000_000).default(2_000_000).describe('How much a MONITOR may read.'),
      maxDurationMs: z.int().min(100).max(HOUR_MS).default(5000).describe('How long one probe may last.'),
      maxKeys: z.int().min(1).max(1_000_000_000).default(1_000_000).describe('How many keys one sweep may look at.'),
      surveyMs: z
        .int()
        .min(0)
        .max(DAY_MS)
        .default(900_000)
        .describe(
          'How often each master with an LFU policy is swept while nothing is suspected, for its standing keys; 0 is never.',
        ),
      repeatMs: z
        .int()
        .min(1000)
        .max(DAY_MS)
        .default(60_000)
        .describe(
          'How soon the same hotspot is probed again; the time doubles, up to eightfold, while the answer stays the same.',
        ),
      budgetMsPerHour: z
        .int()
        .min(0)
        .max(HOUR_MS)
        .default(120_000)
        .describe(
          'How long all probes of the target may last in an hour; half of it is kept for the first probe of a hotspot.',
        ),
    })
    .prefault({})
    .describe('The costly look that names keys.'),
});

type RedisTargetInput = z.output<typeof redisTargetSchema>;

export interface RedisLimits {
  readonly cpuCores: number;
  readonly callsPerSecond?: number;
  readonly bytesInPerSecond?: number;
  readonly bytesOutPerSecond?: number;
}

/** What the collector receives: every default filled, every file read. */
export interface RedisTargetConfig extends Credentials {
  readonly name: string;
  readonly system: 'redis';
  readonly mode: RedisTargetInput['mode'];
  /** `redis://host:port` or `rediss://host:port` and nothing more; the sentinels in mode sentinel. Never empty. */
  readonly urls: readonly string[];
  /** Present when the servers are met over TLS. */
  readonly tls?: TlsConfig;
  /** Present in mode sentinel; `tls` says whether the sentinels are met over TLS too. */
  readonly sentinel?: Credentials & { readonly name: string; readonly tls: boolean };
  readonly limits: RedisLimits;
  readonly slotStats: Readonly<RedisTargetInput['slotStats']>;
  readonly lfu: Readonly<RedisTargetInput['lfu']>;
  readonly probe: Readonly<RedisTargetInput['probe']>;
}

/** The rules between fields. They look at what was written, so that they speak beside the errors of single fields. */
export function redisTargetRules(target: RawFields, report: Report): void {
  const { mode, sentinel, tls } = target;
  credentialRules(target, [], report);
  if (isFields(sentinel)) credentialRules(sentinel, ['sentinel'], report);
  if (isFields(tls)) tlsRules(tls, ['tls'], report);
  if (mode === 'sentinel' && !isGiven(sentinel)) {
    report(['mode'], 'is sentinel, which needs the section sentinel with the name of the master');
  }
  if (mode !== 'sentinel' && isGiven(sentinel)) report(['sentinel'], 'has a use only with mode: sentinel');
  urlRules(target, report);
}

function urlRules(target: RawFields, report: Report): void {
  if (!Array.isArray(target['urls'])) return;
  const urls = target['urls'].map((text: unknown) => (typeof text === 'string' ? parseRedisUrl(text) : ''));
  const first = urls.find((url) => typeof url === 'object');
  if (first === undefined) return;
  const sentinel = target['mode'] === 'sentinel';
  const owner = sentinel ? target['sentinel'] : target;
  for (const [index, url] of urls.entries()) {
    if (typeof url === 'string') continue;
    if (url.tls !== first.tls) report(['urls', index], 'mixes redis:// with rediss://: give all seeds the same scheme');
    if (!sameUser(url, first)) report(['urls', index], 'has other user info than the first: all seeds share one user');
    const credentials = isFields(owner)
      ? ['username', 'password', 'passwordFile'].filter((key) => isGiven(owner[key]))
      : [];
    if (hasUser(url) && credentials.length > 0) {
      report(
        ['urls', index],
        `has user info beside ${sentinel ? 'sentinel.' : ''}${credentials.join(' and ')}: give one of the two`,
      );
    }
  }
  if (isGiven(target['tls']) && !first.tls && !sentinel) {
    report(['tls'], 'has no use with redis:// urls: write rediss:// for TLS');
  }
}

function hasUser(url: RedisUrl): boolean {
  return url.username !== undefined || url.password !== undefined;
}

function sameUser(a: RedisUrl, b: RedisUrl): boolean {
  return a.username === b.username && a.password?.reveal() === b.password?.reveal();
}

/**
 * What the collector receives, of settings that passed the schema and the rules.
 * Throws a TypeError when they did not: the loader never lets that happen.
 */
export function resolveRedisTarget(name: string, input: RedisTargetInput, readFile: ReadFile): RedisTargetConfig {
  const urls = input.urls.map((text) => requireUrl(text, input.mode === 'sentinel' ? SENTINEL_PORT : undefined));
  const overTls = urls.some((url) => url.tls);
  const tls = input.tls ?? (overTls ? tlsSchema.parse({}) : undefined);
  const written = resolveCredentials(input, readFile);
  const fromUrl = userOf(urls[0]);
  const sentinel =
    input.mode === 'sentinel' && input.sentinel !== undefined
      ? { name: input.sentinel.name, tls: overTls, ...fromUrl, ...resolveCredentials(input.sentinel, readFile) }
      : undefined;
  const { cpuCores, callsPerSecond, bytesInPerSecond, bytesOutPerSecond } = input.limits;
  return {
    name,
    system: 'redis',
    mode: input.mode,
    urls: urls.map((url) => url.url),
    ...(sentinel === undefined ? { ...fromUrl, ...written } : { ...written, sentinel }),
    ...(tls !== undefined && { tls: resolveTls(tls, readFile) }),
    limits: {
      cpuCores,
      ...(callsPerSecond !== undefined && { callsPerSecond }),
      ...(bytesInPerSecond !== undefined && { bytesInPerSecond }),
      ...(bytesOutPerSecond !== undefined && { bytesOutPerSecond }),
    },
    slotStats: input.slotStats,
    lfu: input.lfu,
    probe: input.probe,
  };
}

function requireUrl(text: string, defaultPort: number | undefined): RedisUrl {
  const url = parseRedisUrl(text, defaultPort);
  if (typeof url === 'string') throw new TypeError(`a url of the target ${url}`);
  return url;
}

function userOf(url: RedisUrl | undefined): { readonly username?: string; readonly password?: Secret } {
  return {
    ...(url?.username !== undefined && { username: url.username }),
    ...(url?.password !== undefined && { password: url.password }),
  };
}
