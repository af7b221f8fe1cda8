/**
 * One connection to one server: bounded in time, counted in commands and bytes.
 *
 * Commands go in pipelines; a pipeline that does not end in time drops the connection, so that a late reply is
 * never taken for the answer to a later question. The next call dials again.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { Failure } from '../shared/failures.ts';
import type { Secret } from '../shared/secret.ts';
import type { TlsConfig } from '../shared/settings.ts';
import { failureOf } from './errors.ts';

export type CommandLine = readonly [command: string, ...args: (string | number)[]];
export type Reply = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly failure: Failure };

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Access {
  readonly username?: string;
  readonly password?: Secret;
  readonly tls?: TlsConfig;
}

/** What was sent and received since the connection object was made. */
export interface NodeUsage {
  readonly commands: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** By the name that commandstats uses. */
  readonly byCommand: ReadonlyMap<string, number>;
}

const NO_USAGE: NodeUsage = { commands: 0, bytesSent: 0, bytesReceived: 0, byCommand: new Map() };

export class RedisNode {
  readonly address: Address;
  readonly #access: Access;
  #client: Redis | undefined;
  #lastError: Error | undefined;
  #commands = 0;
  #bytesOfClosed = { sent: 0, received: 0 };
  readonly #byCommand = new Map<string, number>();
  readonly #duplicates = new Set<RedisNode>();
  #ended: NodeUsage = NO_USAGE;

  constructor(address: Address, access: Access) {
    this.address = address;
    this.#access = access;
  }

  get name(): string {
    return nameOf(this.address);
  }

  get usage(): NodeUsage {
    const open = bytesOf(this.#client);
    return {
      commands: this.#commands,
      bytesSent: this.#bytesOfClosed.sent + open.sent,
      bytesReceived: this.#bytesOfClosed.received + open.received,
      byCommand: this.#byCommand,
    };
  }

  /**
   * One pipeline; every command has its own reply or failure.
   * @throws Failure when no connection could be made or nothing came back in time
   */
  async pipeline(lines: readonly CommandLine[], signal: AbortSignal): Promise<Reply[]> {
    signal.throwIfAborted();
    const client = await this.#connected(signal);
    const pipeline = client.pipeline();
    for (const [command, ...args] of lines) {
      pipeline.call(command, ...args);
      this.#count(command, args[0]);
    }
    const results = await this.#within(signal, pipeline.exec());
    if (results === null) throw new Failure('internal', 'the pipeline was discarded');
    const replies = results.map(
      ([error, value], index): Reply =>
        error === null ? { ok: true, value } : { ok: false, failure: failureOf(error, commandName(lines[index])) },
    );
    if (replies.length > 0 && replies.every((reply) => !reply.ok && reply.failure.code === 'unreachable')) {
      throw this.#connectionFailure(replies[0]);
    }
    return replies;
  }

  /** @throws Failure */
  async ask(line: CommandLine, signal: AbortSignal): Promise<unknown> {
    const [reply] = await this.pipeline([line], signal);
    return requireValue(reply);
  }

  /** What this connection and its duplicates sent and received: all that the server has of us. */
  get usageOfAll(): NodeUsage {
    const duplicates = [...this.#duplicates].map((duplicate) => duplicate.usageOfAll);
    return duplicates.reduce(addUsage, addUsage(this.usage, this.#ended));
  }

  /**
   * Another connection to the same server: a long probe must not hold up the polls, nor a dropped poll end the
   * probe; MONITOR cannot share one. The caller ends it.
   */
  duplicate(): RedisNode {
    const duplicate = new RedisNode(this.address, this.#access);
    this.#duplicates.add(duplicate);
    return duplicate;
  }

  /** Closes a duplicate and keeps its sums. */
  end(duplicate: RedisNode): void {
    duplicate.close();
    if (this.#duplicates.delete(duplicate)) this.#ended = addUsage(this.#ended, duplicate.usageOfAll);
  }

  /** For MONITOR: the raw stream of what is connected. */
  async raw(signal: AbortSignal): Promise<Redis> {
    return this.#connected(signal);
  }

  close(): void {
    const client = this.#client;
    if (client === undefined) return;
    const { sent, received } = bytesOf(client);
    this.#bytesOfClosed = {
      sent: this.#bytesOfClosed.sent + sent,
      received: this.#bytesOfClosed.received + received,
    };
    this.#client = undefined;
    client.disconnect();
  }

  async #connected(signal: AbortSignal): Promise<Redis> {
    if (this.#client !== undefined && this.#client.status === 'ready') return this.#client;
    this.close();
    this.#lastError = undefined;
    const client = new Redis(optionsOf(this.address, this.#access));
    client.on('error', (error: Error) => {
      this.#lastError = error;
    });
    this.#client = client;
    try {
      await this.#within(signal, client.connect());
    } catch (error) {
      this.close();
      throw error instanceof Failure ? error : failureOf(this.#lastError ?? error);
    }
    // ioredis reports a refused AUTH as an event and goes on unauthenticated.
    if (this.#lastError !== undefined) {
      const failure = failureOf(this.#lastError);
      this.close();
      throw failure;
    }
    return client;
  }

  async #within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(new Failure('timeout', `${this.name} did not answer within the deadline`));
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
    work.catch(() => undefined); // it may fail after the deadline, when no one listens
    try {
      return await Promise.race([work, aborted]);
    } catch (error) {
      if (error instanceof Failure && error.code === 'timeout') this.close();
      throw error;
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }

  #connectionFailure(reply: Reply | undefined): Failure {
    const failure = this.#lastError !== undefined ? failureOf(this.#lastError) : undefined;
    this.close();
    return failure ?? (reply !== undefined && !reply.ok ? reply.failure : new Failure('unreachable', 'no reply'));
  }

  #count(command: string, first: string | number | undefined): void {
    this.#commands++;
    const name = statName(command, first);
    this.#byCommand.set(name, (this.#byCommand.get(name) ?? 0) + 1);
  }
}

function addUsage(a: NodeUsage, b: NodeUsage): NodeUsage {
  const byCommand = new Map(a.byCommand);
  for (const [name, count] of b.byCommand) byCommand.set(name, (byCommand.get(name) ?? 0) + count);
  return {
    commands: a.commands + b.commands,
    bytesSent: a.bytesSent + b.bytesSent,
    bytesReceived: a.bytesReceived + b.bytesReceived,
    byCommand,
  };
}

/** @throws Failure */
export function requireValue(reply: Reply | undefined): unknown {
  if (reply === undefined) throw new Failure('internal', 'a command without a reply');
  if (!reply.ok) throw reply.failure;
  return reply.value;
}

export function nameOf({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const CONTAINERS: ReadonlySet<string> = new Set(['cluster', 'config', 'object', 'latency', 'memory', 'hotkeys', 'acl']);

/** As commandstats has it since 7.0: `object|freq`. */
function statName(command: string, first: string | number | undefined): string {
  const name = command.toLowerCase();
  return CONTAINERS.has(name) && first !== undefined ? `${name}|${String(first).toLowerCase()}` : name;
}

function commandName(line: CommandLine | undefined): string | undefined {
  return line === undefined ? undefined : statName(line[0], line[1]);
}

function bytesOf(client: Redis | undefined): { sent: number; received: number } {
  const stream = client?.stream;
  return { sent: stream?.bytesWritten ?? 0, received: stream?.bytesRead ?? 0 };
}

function optionsOf({ host, port }: Address, { username, password, tls }: Access): Omit<RedisOptions, 'replyMapping'> {
  return {
    host,
    port,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password.reveal() }),
    ...(tls !== undefined && {
      tls: {
        ...(tls.ca !== undefined && { ca: tls.ca }),
        ...(tls.cert !== undefined && { cert: tls.cert }),
        ...(tls.key !== undefined && { key: tls.key.reveal() }),
        servername: tls.serverName ?? host,
        rejectUnauthorized: !tls.insecureSkipVerify,
      },
    }),
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  };
}
