/**
 * HOTKEYS of Redis 8.6 and of Valkey 9.2: the same word, two different things.
 *
 * Redis runs one tracking session a server, started and ended by a client. Another operator's session is never
 * ended nor reset; ours is always ended, and its DURATION ends it should we die in between.
 * Valkey tracks all the time when its configuration says so; there is nothing to start.
 */
import * as z from 'zod';
import type { KeyShare } from '../../../src/model.ts';
import { Failure } from '../../shared/failures.ts';
import type { NodeInfo } from '../info.ts';
import { isAtLeast } from '../info.ts';
import { readInfo } from '../read-info.ts';
import { binomialBounds, ratioOf } from './bounds.ts';
import { appRates, KEYS_NAMED, type Named, type ProbeContext } from './context.ts';
import { SHORTEST_REPLY, shortestRequest } from './request-size.ts';

export function hotkeysFlavour(info: Pick<NodeInfo, 'server' | 'version'>): 'redis' | 'valkey' | undefined {
  if (info.server === 'redis') return isAtLeast(info.version, 8, 6) ? 'redis' : undefined;
  return isAtLeast(info.version, 9, 2) ? 'valkey' : undefined;
}

const SESSION_MS = 2000;
/** Enough for ±2 % at three deviations, few enough to cost the server little. */
const WANTED_SAMPLES = 5000;
const STOP_WITHIN_MS = 1000;
/** A finished session that no one has read in this time belongs to no one. */
const ABANDONED_MS = 600_000;

export async function redisHotkeys(context: ProbeContext): Promise<Named> {
  const { node, signal } = context;
  const running = parseSession(await node.ask(['HOTKEYS', 'GET'], signal));
  if (running?.active === true) throw occupied();
  if (running !== undefined && ageMs(running, context.info) < ABANDONED_MS) {
    throw new Failure('occupied', 'another operator has just left the result of a HOTKEYS session', {
      remedy: 'HOTKEYS RESET once it has been read',
    });
  }

  const rate = await currentRate(context);
  const ratio = Math.max(1, Math.round((rate * SESSION_MS) / 1000 / WANTED_SAMPLES));
  const seconds = Math.ceil(SESSION_MS / 1000) + 1;
  let session: OwnSession = { begun: 'perhaps' };
  try {
    await node
      .ask(
        ['HOTKEYS', 'START', 'METRICS', 2, 'CPU', 'NET', 'COUNT', KEYS_NAMED, 'DURATION', seconds, 'SAMPLE', ratio],
        signal,
      )
      .catch((error: unknown) => {
        // Not answered in time, it may have begun all the same.
        if (!(error instanceof Failure) || error.code !== 'timeout') session = { begun: 'no' };
        throw error instanceof Failure && /already|active|progress/i.test(error.message) ? occupied() : error;
      });
    session = { begun: 'yes' };
    const before = await readInfo(context.node, context.signal);
    const begun = parseSession(await node.ask(['HOTKEYS', 'GET'], signal));
    if (begun !== undefined) session = { begun: 'yes', startedAtMs: begun.startedAtMs };
    await context.sleep(SESSION_MS, signal);
    if (!(await isOurs(context, session, signal))) throw endedByAnother();
    await node.ask(['HOTKEYS', 'STOP'], signal);
    const after = await readInfo(context.node, context.signal);
    const result = parseSession(await node.ask(['HOTKEYS', 'GET'], signal));
    if (result === undefined || (begun !== undefined && result.startedAtMs !== begun.startedAtMs))
      throw endedByAnother();
    return { keys: sharesOf(result, appRates(before, after, new Map(), SESSION_MS)?.calls ?? 0) };
  } finally {
    await endSession(context, session);
  }
}

/** What is known of our session, to tell it from one that another operator began after ours had run out. */
interface OwnSession {
  /** `perhaps`: START was sent and not answered. */
  readonly begun: 'no' | 'perhaps' | 'yes';
  /** By the server's clock. */
  readonly startedAtMs?: number;
}

/** With a time of its own: the session ends also when the probe was aborted. Never one that is another's. */
async function endSession(context: ProbeContext, own: OwnSession): Promise<void> {
  if (own.begun === 'no') return;
  const signal = AbortSignal.timeout(STOP_WITHIN_MS);
  try {
    if (!(await isOurs(context, own, signal))) return;
    await context.node.pipeline(
      [
        ['HOTKEYS', 'STOP'],
        ['HOTKEYS', 'RESET'],
      ],
      signal,
    );
  } catch {
    // It could not be reached: its DURATION ends it.
  }
}

async function isOurs({ node, info }: ProbeContext, own: OwnSession, signal: AbortSignal): Promise<boolean> {
  const reply = await node.ask(['HOTKEYS', 'GET'], signal);
  try {
    const found = parseSession(reply);
    if (found === undefined) return false;
    if (own.startedAtMs !== undefined) return found.startedAtMs === own.startedAtMs;
    return found.startedAtMs >= (info.serverTimeMs ?? 0);
  } catch {
    return own.begun === 'yes'; // it cannot be read, but it was begun by us
  }
}

async function currentRate(context: ProbeContext): Promise<number> {
  const startedAt = context.now();
  const before = await readInfo(context.node, context.signal);
  await context.sleep(200, context.signal);
  const after = await readInfo(context.node, context.signal);
  return appRates(before, after, new Map(), context.now() - startedAt)?.callsPerSecond ?? 0;
}

function ageMs(session: Session, info: NodeInfo): number {
  return (info.serverTimeMs ?? 0) - session.startedAtMs - session.durationMs;
}

interface Session {
  readonly active: boolean;
  readonly ratio: number;
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** Of all commands, sampled or not. */
  readonly totalUsec: number;
  /** Of the sampled commands. */
  readonly sampledBytes: number;
  /** Of the sampled commands. */
  readonly usecByKey: ReadonlyMap<string, number>;
  readonly bytesByKey: ReadonlyMap<string, number>;
}

/** No counter of a server is wider than 64 bits; sums and products of these stay finite. */
const amount = z
  .number()
  .nonnegative()
  .max(2 ** 64);
const sessionFields = z.object({
  'tracking-active': amount,
  'sample-ratio': amount,
  'collection-start-time-unix-ms': amount,
  'collection-duration-ms': amount,
  'all-commands-all-slots-us': amount.default(0),
  'total-net-bytes': amount.default(0),
  'by-cpu-time-us': z.array(z.unknown()).default([]),
  'by-net-bytes': z.array(z.unknown()).default([]),
});

/** @param reply of HOTKEYS GET: nil, or a flat list of names and values; some servers wrap it in a list of one */
export function parseSession(reply: unknown): Session | undefined {
  if (reply === null) return undefined;
  const flat = Array.isArray(reply) && reply.length === 1 && Array.isArray(reply[0]) ? (reply[0] as unknown[]) : reply;
  const parsed = Array.isArray(flat) ? sessionFields.safeParse(pairsOf(flat)) : undefined;
  if (parsed === undefined || !parsed.success)
    throw new Failure('garbage', 'the reply to HOTKEYS GET is not a session');
  const fields = parsed.data;
  return {
    active: fields['tracking-active'] !== 0,
    ratio: fields['sample-ratio'],
    startedAtMs: fields['collection-start-time-unix-ms'],
    durationMs: fields['collection-duration-ms'],
    totalUsec: fields['all-commands-all-slots-us'],
    sampledBytes: fields['total-net-bytes'],
    usecByKey: numbersByKey(fields['by-cpu-time-us']),
    bytesByKey: numbersByKey(fields['by-net-bytes']),
  };
}

/**
 * The share of the node's CPU and of its bytes, each from a sample; the estimate is their mean. The bounds hold both and
 * what chance could have done to the sample, and from above the share of calls that fit into its bytes: a key of many
 * short commands takes less of CPU and bytes than of the calls.
 */
function sharesOf(session: Session, calls: number): KeyShare[] {
  const samples = calls / Math.max(1, session.ratio);
  const evidence = `a HOTKEYS session of ${session.durationMs} ms, one in ${session.ratio} commands`;
  const keys = new Set([...session.usecByKey.keys(), ...session.bytesByKey.keys()]);
  const shares = [...keys].map((key): KeyShare & { share: number } => {
    const bytes = session.bytesByKey.get(key) ?? 0;
    const byCpu = ratioOf((session.usecByKey.get(key) ?? 0) * session.ratio, session.totalUsec);
    const byBytes = ratioOf(bytes, session.sampledBytes);
    const byCalls = ratioOf(bytes / (shortestRequest(key) + SHORTEST_REPLY), samples);
    const bounds = [byCpu, byBytes, byCalls].map((ratio) => binomialBounds(ratio * samples, samples));
    return {
      key,
      share: (byCpu + byBytes) / 2,
      low: Math.min(...bounds.slice(0, 2).map(({ low }) => low)),
      high: Math.max(...bounds.map(({ high }) => high)),
      evidence,
    };
  });
  return shares.sort((a, b) => b.share - a.share).slice(0, KEYS_NAMED);
}

const valkeyEntry = z.object({
  key: z.string(),
  // A double: RESP2 has it as text.
  qps: z.union([
    amount,
    z
      .string()
      .regex(/^\d{1,20}(\.\d+)?$/)
      .transform(Number),
  ]),
});

/**
 * Valkey 9.2, written from its documentation (not to be had as a server here): HOTKEYS GET → maps of key, db, qps,
 * as flat lists in RESP2.
 */
export async function valkeyHotkeys(context: ProbeContext): Promise<Named> {
  const reply = await context.node.ask(['HOTKEYS', 'GET'], context.signal);
  const keys = parseValkeyHotkeys(reply);
  const rate = await currentRate(context);
  if (keys.length === 0) {
    const remedy = 'CONFIG SET hotkeys-top-k 64';
    return { keys: [], shortfall: new Failure('disabled', 'HOTKEYS of Valkey tracks nothing', { remedy }) };
  }
  const evidence = 'HOTKEYS of Valkey, calls a second over its window';
  return {
    keys: keys.slice(0, KEYS_NAMED).map(({ key, qps }) => ({
      key,
      share: ratioOf(qps, rate),
      ...binomialBounds(ratioOf(qps, rate) * rate, rate),
      evidence,
    })),
  };
}

export function parseValkeyHotkeys(reply: unknown): { key: string; qps: number }[] {
  if (!Array.isArray(reply)) throw new Failure('garbage', 'the reply to HOTKEYS GET is not a list of keys');
  return reply
    .map((entry: unknown) => {
      const parsed = valkeyEntry.safeParse(Array.isArray(entry) ? pairsOf(entry) : entry);
      if (!parsed.success) throw new Failure('garbage', 'the reply to HOTKEYS GET is not a list of keys');
      return parsed.data;
    })
    .sort((a, b) => b.qps - a.qps);
}

/** Own fields only, whatever their names: `__proto__` is a name like any other. */
function pairsOf(flat: readonly unknown[]): Record<string, unknown> {
  const fields = new Map<string, unknown>();
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = flat[at];
    if (typeof name === 'string') fields.set(name, flat[at + 1]);
  }
  return Object.fromEntries(fields);
}

function numbersByKey(flat: readonly unknown[]): Map<string, number> {
  const numbers = new Map<string, number>();
  for (let at = 0; at < flat.length; at += 2) {
    const key = flat[at];
    const value = amount.safeParse(flat[at + 1]);
    if (typeof key !== 'string' || !value.success) {
      throw new Failure('garbage', 'the reply to HOTKEYS GET is not keys with a number each');
    }
    // Keys that are not UTF-8 may look alike once decoded.
    numbers.set(key, (numbers.get(key) ?? 0) + value.data);
  }
  return numbers;
}

function endedByAnother(): Failure {
  return new Failure('moved', 'the HOTKEYS session was ended by someone else');
}

function occupied(): Failure {
  return new Failure('occupied', 'another operator runs a HOTKEYS session', {
    remedy: 'wait for it to end, or HOTKEYS STOP',
  });
}
