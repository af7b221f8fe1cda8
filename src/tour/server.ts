/**
 * Starts real servers on free ports of 127.0.0.1 in a temporary folder, and kills, pauses and restarts them at will.
 * Knows nothing of clusters. Only the tour and the tests use it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './ports.ts';
import { type Reaper, startReaper } from './reaper.ts';
import type { ServerBinary } from './serverCache.ts';

/** Lines of the configuration file; a list where a directive stands several times. */
export type ServerConfig = Readonly<Record<string, string | readonly string[]>>;

export interface ServerNode {
  readonly host: string;
  readonly port: number;
  /** Of the running process; of the last one after a kill. */
  readonly pid: number;
  readonly url: string;
}

/** Servers that live and end together. `i` counts the nodes from 0. */
export interface ServerGroup {
  readonly nodes: readonly ServerNode[];
  /** Resolves when the process has ended. By default SIGKILL. */
  kill(i: number, signal?: NodeJS.Signals): Promise<void>;
  /** SIGSTOP: the process keeps its connections and answers nothing. */
  pause(i: number): void;
  resume(i: number): void;
  /** Starts a killed node again on its port with its files; resolves when it answers. */
  restart(i: number): Promise<void>;
  /** Leaves no process and no file, whatever state the servers are in. May be called twice. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly config?: ServerConfig;
  /** One for each node; a free one by default. */
  readonly ports?: readonly number[];
  readonly count?: number;
  /** Sentinels take their configuration file as another kind of program. */
  readonly sentinel?: boolean;
  readonly signal?: AbortSignal;
}

interface Slot {
  readonly dir: string;
  port: number;
  child: ChildProcess;
}

const HOST = '127.0.0.1';
const READY_WITHIN_MS = 15_000;
const KILL_AFTER_MS = 5_000;
const ATTEMPTS = 5;

/** Starts one standalone server. Rejects with the server's own last words when it does not come up. */
export function startServer(
  binary: ServerBinary,
  options: { readonly config?: ServerConfig; readonly port?: number; readonly signal?: AbortSignal } = {},
): Promise<ServerGroup> {
  const { port, ...rest } = options;
  return startServers(binary, { ...rest, count: 1, ...(port === undefined ? {} : { ports: [port] }) });
}

/** Starts `count` servers of one configuration that do not know of each other. */
export async function startServers(binary: ServerBinary, options: StartOptions): Promise<ServerGroup> {
  const { count = 1, config = {}, ports = [], signal } = options;
  const folder = await mkdtemp(path.join(tmpdir(), 'hotspot-agent-'));
  const reaper = startReaper(folder);
  const slots: Slot[] = [];
  const stop = once1(async () => {
    await Promise.all(slots.map((slot) => end(slot, 'SIGKILL', reaper)));
    await reaper.release();
  });
  try {
    for (let i = 0; i < count; i++) {
      signal?.throwIfAborted();
      const dir = path.join(folder, `node-${i}`);
      await mkdir(dir);
      slots.push(await launchOnFreePort(binary, dir, config, ports[i], options.sentinel ?? false, reaper));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const at = (i: number): Slot => {
    const slot = slots[i];
    if (slot === undefined) throw new RangeError(`no node ${i}: there are ${slots.length}`);
    return slot;
  };
  return {
    get nodes() {
      return slots.map(({ port, child }) => ({
        host: HOST,
        port,
        pid: child.pid ?? 0,
        url: `redis://${HOST}:${port}`,
      }));
    },
    kill: (i, how = 'SIGKILL') => end(at(i), how, reaper),
    pause: (i) => void at(i).child.kill('SIGSTOP'),
    resume: (i) => void at(i).child.kill('SIGCONT'),
    async restart(i) {
      const slot = at(i);
      if (slot.child.exitCode === null && slot.child.signalCode === null) throw new Error(`node ${i} is running`);
      slot.child = await launch(binary, slot.dir, slot.port, options.sentinel ?? false, config, reaper);
    },
    stop,
  };
}

/** Another process may take a free port before the server does: then it tries the next. */
async function launchOnFreePort(
  binary: ServerBinary,
  dir: string,
  config: ServerConfig,
  wanted: number | undefined,
  sentinel: boolean,
  reaper: Reaper,
): Promise<Slot> {
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await freePort());
    const lines = Object.entries({ ...defaults(port, dir, sentinel), ...config }).flatMap(([name, value]) =>
      (typeof value === 'string' ? [value] : value).map((one) => `${name} ${one}\n`),
    );
    await writeFile(path.join(dir, 'server.conf'), lines.join(''));
    try {
      return { dir, port, child: await launch(binary, dir, port, sentinel, config, reaper) };
    } catch (error) {
      const taken = error instanceof Error && error.message.includes('in use');
      if (wanted !== undefined || !taken || attempt === ATTEMPTS) throw error;
    }
  }
}

function defaults(port: number, dir: string, sentinel: boolean): ServerConfig {
  const both = { port: String(port), bind: HOST, dir, logfile: path.join(dir, 'server.log'), daemonize: 'no' };
  return sentinel ? both : { ...both, save: '""', appendonly: 'no' };
}

async function launch(
  binary: ServerBinary,
  dir: string,
  port: number,
  sentinel: boolean,
  config: ServerConfig,
  reaper: Reaper,
): Promise<ChildProcess> {
  const [program = '', ...before] = binary.command;
  // What it says before its log file is open: a directive it does not know.
  const output = await open(path.join(dir, 'output.log'), 'a');
  const child = spawn(program, [...before, path.join(dir, 'server.conf'), ...(sentinel ? ['--sentinel'] : [])], {
    env: { ...process.env, ...binary.env },
    stdio: ['ignore', output.fd, output.fd],
    // In a group of its own: Ctrl-C is for us to act on, in our order.
    detached: true,
  });
  try {
    await once(child, 'spawn');
  } finally {
    await output.close();
  }
  reaper.watch(child.pid ?? 0);
  child.once('exit', () => reaper.forget(child.pid ?? 0));
  const { requirepass } = config;
  const redis = adminConnection(port, typeof requirepass === 'string' ? { password: requirepass } : {});
  try {
    const deadline = performance.now() + READY_WITHIN_MS;
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended at once');
      const answer = await redis.ping().catch((error: unknown) => String(error));
      if (answer === 'PONG' || /NOAUTH|NOPERM|WRONGPASS/.test(answer)) {
        // A server is no reason for us to stay: the reaper sees to it.
        child.unref();
        return child;
      }
      if (performance.now() > deadline) throw new Error(`it does not answer: ${answer}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } catch (error) {
    child.kill('SIGKILL');
    const texts = await Promise.all(
      ['output.log', 'server.log'].map((name) => readFile(path.join(dir, name), 'utf8').catch(() => '')),
    );
    const last = texts.join('').trim().split('\n').slice(-5).join('\n');
    throw new Error(`${binary.name} ${binary.version} did not start on port ${port}: ${String(error)}\n${last}`, {
      cause: error,
    });
  } finally {
    redis.disconnect();
  }
}

async function end(slot: Slot, signal: NodeJS.Signals, reaper: Reaper): Promise<void> {
  const { child } = slot;
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const ended = once(child, 'exit');
  child.kill(signal);
  // A paused process heeds nothing but SIGKILL.
  const patience = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  await ended;
  clearTimeout(patience);
  reaper.forget(child.pid ?? 0);
}

/** A connection for set-up commands: fails at once instead of waiting for a server that is away. */
export function adminConnection(
  port: number,
  options: { readonly password?: string; readonly username?: string } = {},
): Redis {
  const redis = new Redis({
    host: HOST,
    port,
    ...options,
    protocol: 2,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    retryStrategy: () => 20,
    connectTimeout: 2_000,
    commandTimeout: 15_000,
  });
  redis.on('error', () => {});
  return redis;
}

function once1(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= action();
    return running;
  };
}
