/**
 * The folder of server programs we fetched: `<cacheDir>/<name>-<version>/`. A program is unpacked in a staging folder
 * beside it and moved in place when it has been seen to run, so a half-finished download never counts as cached.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { explainFailure, runCommand } from './command.ts';

export interface ServerBinary {
  readonly name: 'redis' | 'valkey';
  readonly version: string;
  /** The program and the arguments that come before its own; several where a loader starts it. */
  readonly command: readonly string[];
  /** What its environment needs beyond ours. */
  readonly env: Readonly<Record<string, string>>;
}

/** What a fetcher leaves in the staging folder: `{dir}` stands for the folder, which moves. */
export interface Unpacked {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const manifest = z.object({ command: z.array(z.string()).min(1), env: z.record(z.string(), z.string()) });
const MANIFEST = 'server.json';

/** Starts it with `--version`. Throws with the reason when it does not run or is neither Redis nor Valkey. */
export async function identify(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  base: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ServerBinary> {
  const [program = '', ...args] = command;
  const result = await runCommand(program, [...args, '--version'], {
    env: { ...base, ...env },
    timeoutMs: 10_000,
  });
  const version = /^(Redis|Valkey) server v=(\d+\.\d+\.\d+)/.exec(result.stdout);
  if (result.code !== 0) throw new Error(explainFailure(result));
  if (version?.[2] === undefined)
    throw new Error(`not a Redis or Valkey server; it said: ${result.stdout.split('\n')[0]}`);
  return { name: version[1] === 'Valkey' ? 'valkey' : 'redis', version: version[2], command, env };
}

/** A cached server whose folder's name begins with `prefix` ("redis-7.0"), the newest first; undefined for none. */
export async function findCached(cacheDir: string, prefix: string): Promise<ServerBinary | undefined> {
  const names = await readdir(cacheDir).catch(() => []);
  const fitting = names.filter((name) => name.startsWith(prefix));
  fitting.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  for (const name of fitting) {
    const found = await open(path.join(cacheDir, name)).catch(() => undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Lets `fetcher` fill an empty folder, tries what it left, and moves the folder in place. Throws with the reason. */
export async function fetchInto(
  cacheDir: string,
  fetcher: (dir: string) => Promise<Unpacked>,
  accept: (binary: ServerBinary) => void = () => {},
): Promise<ServerBinary> {
  await mkdir(cacheDir, { recursive: true });
  const staging = await mkdtemp(path.join(cacheDir, '.partial-'));
  try {
    await writeFile(path.join(staging, MANIFEST), JSON.stringify(await fetcher(staging)));
    const binary = await open(staging);
    accept(binary);
    const place = path.join(cacheDir, `${binary.name}-${binary.version}`);
    // Another process may have put the same there meanwhile, and may be running it: then theirs stays.
    const theirs = await open(place).catch(() => undefined);
    if (theirs !== undefined) return theirs;
    await rm(place, { recursive: true, force: true });
    await rename(staging, place);
    return await open(place);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function open(dir: string): Promise<ServerBinary> {
  const { command, env } = manifest.parse(JSON.parse(await readFile(path.join(dir, MANIFEST), 'utf8')));
  const placed = (text: string) => text.replaceAll('{dir}', dir);
  return identify(
    command.map(placed),
    Object.fromEntries(Object.entries(env).map(([name, value]) => [name, placed(value)])),
  );
}
