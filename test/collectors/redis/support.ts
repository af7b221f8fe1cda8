/** Captured replies of real servers (test/fixtures/redis/README.md), and a node that answers from a list. */
import { readFileSync } from 'node:fs';
import { redisTargetSchema, resolveRedisTarget } from '../../../collectors/redis/config.ts';
import { type NodeInfo, parseInfo } from '../../../collectors/redis/info.ts';
import { type CommandLine, RedisNode, type Reply } from '../../../collectors/redis/node.ts';
import type { ProbeContext } from '../../../collectors/redis/probe/context.ts';
import { KeyNames } from '../../../collectors/redis/probe/key-names.ts';
import { Failure } from '../../../collectors/shared/failures.ts';

export const SERVERS = ['redis-7.0.15', 'redis-8.6.3', 'valkey-9.1.2'] as const;
export type Server = (typeof SERVERS)[number];

/** The compiled file lies in dist/test/collectors/redis. */
const FIXTURES = new URL('../../../../test/fixtures/redis/', import.meta.url);

export function fixture(name: string): string {
  return readFileSync(new URL(name, FIXTURES), 'utf8');
}

export function replies(server: Server): Record<string, unknown> {
  return JSON.parse(fixture(`${server}.replies.json`)) as Record<string, unknown>;
}

export function errorReplies(server: Server): Record<string, string> {
  return JSON.parse(fixture(`${server}.errors.json`)) as Record<string, string>;
}

/** A master's INFO, with what is given in place of what it said. */
export function infoWith(changes: Partial<NodeInfo> = {}): NodeInfo {
  return { ...parseInfo(fixture('redis-8.6.3.info.txt')), ...changes };
}

type Answer = (line: CommandLine) => unknown;

/** Answers without a connection: a value, or a Failure thrown or returned. */
export class AnsweringNode extends RedisNode {
  readonly asked: string[] = [];
  readonly #answer: Answer;

  constructor(answer: Answer) {
    super({ host: '127.0.0.1', port: 6379 }, {});
    this.#answer = answer;
  }

  override async pipeline(lines: readonly CommandLine[], signal: AbortSignal): Promise<Reply[]> {
    signal.throwIfAborted();
    return lines.map((line): Reply => {
      this.asked.push(line.join(' '));
      const value = this.#answer(line);
      return value instanceof Failure ? { ok: false, failure: value } : { ok: true, value };
    });
  }
}

/** A probe's context on a clock of its own: sleeping moves it. */
export function contextOn(node: RedisNode, changes: Partial<ProbeContext> = {}): ProbeContext {
  let nowMs = 1000;
  return {
    node,
    info: infoWith(),
    config: resolveRedisTarget('t', redisTargetSchema.parse({ urls: ['redis://127.0.0.1'] }), () => ''),
    names: new KeyNames(),
    signal: new AbortController().signal,
    now: () => nowMs,
    async sleep(ms, signal) {
      signal.throwIfAborted();
      nowMs += Math.max(0, ms);
    },
    ...changes,
  };
}

/** What `work` fails with; another kind of error, or none, is not what was expected. */
export function failureFrom(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('a failure was expected, and there was none');
}
