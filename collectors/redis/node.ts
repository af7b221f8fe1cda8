/**
 * One connection to one server: bounded in time, counted in commands and bytes.
 *
 * Commands go in pipelines; a pipeline that does not end in time drops the connection, so that a late reply is
 * never taken for the answer to a later question. The next call dials again.
 */
import { Redis } from 'ioredis';
import { Failure } from '../shared/failures.ts';
import { type Access, type Address, nameOf, optionsOf } from './access.ts';
import { failureOf } from './errors.ts';
import { addUsage, NO_USAGE, type NodeUsage } from './usage.ts';

export type CommandLine = readonly [command: string, ...args: (string | number | Buffer)[]];
export type Reply = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly failure: Failure };

export class RedisNode {
  readonly address: Address;
  readonly #access: Access;
  #client: Redis | undefined;
  /** Shared by all who ask before the connection is made. */
  #dialling: Promise<Redis> | undefined;
  #lastError: Error | undefined;
  /** A connection that we dropped because it did not answer in time: others who wait on it are told the same. */
  #late: Redis | undefined;
  #answered = false;
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
      const name = statName(command, args[0]);
      if (NAMES_KEYS.has(name)) pipeline.callBuffer(command, ...args);
      else pipeline.call(command, ...args);
      this.#count(name);
    }
    const results = await this.#within(signal, pipeline.exec(), client);
    if (results === null) throw new Failure('internal', 'the pipeline was discarded');
    const replies = results.map(
      ([error, value], index): Reply =>
        error === null
          ? { ok: true, value }
          : { ok: false, failure: failureOf(error, commandName(lines[index]), this.#access.username ?? 'default') },
    );
    if (replies.length > 0 && replies.every((reply) => !reply.ok && reply.failure.code === 'unreachable')) {
      throw this.#connectionFailure(client, replies[0]);
    }
    this.#answered = true;
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

  /** Counts what was sent and received beside this connection, on a socket of its own. */
  account(command: string, bytes: { readonly bytesSent: number; readonly bytesReceived: number }): void {
    this.#ended = addUsage(this.#ended, { commands: 1, ...bytes, byCommand: new Map([[command, 1]]) });
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
    this.#dialling = undefined;
    drop(client);
  }

  async #connected(signal: AbortSignal): Promise<Redis> {
    if (this.#client?.status === 'ready') return this.#client;
    if (this.#dialling === undefined) {
      this.close();
      const client = this.#open();
      this.#client = client;
      this.#dialling = this.#dial(client);
    }
    const dialled = this.#client;
    return this.#within(signal, this.#dialling, dialled);
  }

  #open(): Redis {
    this.#lastError = undefined;
    const client = new Redis(optionsOf(this.address, this.#access));
    client.on('error', (error: Error) => {
      if (this.#client === client) this.#lastError = error;
    });
    return client;
  }

  async #dial(client: Redis): Promise<Redis> {
    try {
      await client.connect();
      // ioredis reports a refused AUTH as an event and goes on unauthenticated.
      if (this.#client === client && this.#lastError !== undefined) throw this.#lastError;
      return client;
    } catch (error) {
      throw this.#failureOf(client, error);
    } finally {
      if (this.#client === client) this.#dialling = undefined;
    }
  }

  async #within<T>(signal: AbortSignal, work: Promise<T>, client: Redis | undefined): Promise<T> {
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => {
        const failure = this.#timeout(client);
        if (client === this.#client) {
          this.#late = client;
          this.close();
        }
        reject(failure);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
    work.catch(() => undefined); // it may fail after the deadline, when no one listens
    try {
      return await Promise.race([work, aborted]);
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }

  #timeout(client: Redis | undefined): Failure {
    // A server that speaks no TLS waits for the end of what it takes for a command.
    const mute = !this.#answered && this.#access.tls !== undefined && bytesOf(client).received === 0;
    const remedy = mute ? 'redis:// in place of rediss://, if the server speaks no TLS' : undefined;
    return new Failure('timeout', `${this.name} did not answer within the deadline`, { remedy });
  }

  #connectionFailure(client: Redis, reply: Reply | undefined): Failure {
    return this.#failureOf(client, reply !== undefined && !reply.ok ? reply.failure : new Error('no reply'));
  }

  /** Drops a connection that failed, unless another has taken its place, and says why it did. */
  #failureOf(client: Redis, error: unknown): Failure {
    if (this.#late === client) return this.#timeout(client);
    const failure = failureOf(this.#client === client ? (this.#lastError ?? error) : error);
    const { sent, received } = bytesOf(client);
    if (this.#client === client) this.close();
    // A server that expects TLS hangs up on anything else.
    const hungUp = failure.code === 'unreachable' && sent > 0 && received === 0;
    if (this.#answered || this.#access.tls !== undefined || !hungUp) return failure;
    const remedy = 'rediss:// in place of redis://, if the server expects TLS';
    return new Failure(failure.code, failure.message, { remedy, cause: failure.cause });
  }

  #count(name: string): void {
    this.#commands++;
    this.#byCommand.set(name, (this.#byCommand.get(name) ?? 0) + 1);
  }
}

/** At once: ioredis alone would wait up to 2 s for the other end to agree, and also where there is none any more. */
function drop(client: Redis): void {
  if (client.stream?.closed !== true) client.disconnect();
  client.stream?.destroy();
}

/** @throws Failure */
export function requireValue(reply: Reply | undefined): unknown {
  if (reply === undefined) throw new Failure('internal', 'a command without a reply');
  if (!reply.ok) throw reply.failure;
  return reply.value;
}

/** Commands whose replies are key names, which are bytes and no text: they come as buffers. */
const NAMES_KEYS: ReadonlySet<string> = new Set(['scan', 'cluster|getkeysinslot']);

const CONTAINERS: ReadonlySet<string> = new Set(['cluster', 'config', 'object', 'latency', 'memory', 'hotkeys', 'acl']);

/** As commandstats has it since 7.0: `object|freq`. */
function statName(command: string, first: string | number | Buffer | undefined): string {
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
