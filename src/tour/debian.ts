/**
 * Fetches Redis as Debian or Ubuntu packages and unpacks them in a folder of ours: no root, nothing installed. apt
 * verifies the packages against the machine's own keys.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type CommandOptions, explainFailure, runCommand } from './command.ts';
import { identify, type Unpacked } from './serverCache.ts';

const PACKAGES = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1'];
/** On most machines already; fetched only where the server does not start without them. */
const COMMON_LIBRARIES = [
  'libssl3',
  'libssl3t64',
  'libsystemd0',
  'libstdc++6',
  'libgcc-s1',
  'libzstd1',
  'libcap2',
].concat(['liblz4-1', 'liblzma5', 'libgcrypt20', 'libgcrypt20t64', 'libgpg-error0', 'zlib1g']);

/** Fills `dir` with the machine's own version of Redis. Throws with the reason. */
export async function fetchDebianRedis(dir: string, options: CommandOptions): Promise<Unpacked> {
  if (process.platform !== 'linux') throw new Error('not a Debian or Ubuntu machine');
  const apt: string[] = ['-o', 'APT::Sandbox::User='];
  const known = await downloadPackages(dir, PACKAGES, apt, options).then(
    () => true,
    () => false,
  );
  if (!known) {
    // A fresh image has no package lists; ours are read into the folder, since the system's need root.
    apt.push(...(await ownLists(dir, options)));
    await downloadPackages(dir, PACKAGES, apt, options);
  }
  await unpackPackages(dir, options);
  const libraries = (await libraryFolders(dir)).map((folder) => `{dir}/${folder}`).join(':');
  const unpacked: Unpacked = {
    // In Debian the server is a link to redis-check-rdb; Redis tells by its name what it is to do.
    command: ['{dir}/root/usr/bin/redis-server'],
    env: { LD_LIBRARY_PATH: libraries },
  };
  const here = (text: string) => text.replaceAll('{dir}', dir);
  const runs = await identify(unpacked.command.map(here), { LD_LIBRARY_PATH: here(libraries) }).catch(() => undefined);
  if (runs === undefined) {
    for (const name of COMMON_LIBRARIES) await downloadPackages(dir, [name], apt, options).catch(() => {});
    await unpackPackages(dir, options);
  }
  await rm(path.join(dir, 'apt'), { recursive: true, force: true });
  return unpacked;
}

/** `apt-get download` into `dir`/packages. */
export async function downloadPackages(
  dir: string,
  packages: readonly string[],
  apt: readonly string[],
  options: CommandOptions,
): Promise<void> {
  const cwd = path.join(dir, 'packages');
  await mkdir(cwd, { recursive: true });
  const result = await runCommand('apt-get', [...apt, 'download', '-qq', ...packages], { ...options, cwd });
  if (result.code !== 0) throw new Error(`apt-get download: ${explainFailure(result)}`);
}

/** Unpacks `dir`/packages into `dir`/root and removes the packages. */
export async function unpackPackages(dir: string, options: CommandOptions): Promise<void> {
  const packages = path.join(dir, 'packages');
  for (const file of await readdir(packages)) {
    const result = await runCommand('dpkg', ['-x', path.join(packages, file), path.join(dir, 'root')], options);
    if (result.code !== 0) throw new Error(`dpkg -x ${file}: ${explainFailure(result)}`);
  }
  await rm(packages, { recursive: true });
}

/** Reads package lists into `dir`/apt and returns the options that make apt use them; by default of the machine's own sources. */
export async function ownLists(dir: string, options: CommandOptions, sources?: string): Promise<readonly string[]> {
  const state = path.join(dir, 'apt');
  await mkdir(path.join(state, 'lists', 'partial'), { recursive: true });
  await mkdir(path.join(state, 'cache', 'archives', 'partial'), { recursive: true });
  await writeFile(path.join(state, 'status'), '');
  const settings = [
    `Dir::State::lists=${state}/lists`,
    `Dir::Cache=${state}/cache`,
    `Dir::State::status=${state}/status`,
  ];
  if (sources !== undefined) {
    await writeFile(path.join(state, 'sources.list'), sources);
    settings.push(`Dir::Etc::sourcelist=${state}/sources.list`, 'Dir::Etc::sourceparts=/dev/null');
  }
  const apt = [...settings, 'APT::Sandbox::User='].flatMap((setting) => ['-o', setting]);
  const result = await runCommand('apt-get', [...apt, 'update', '-qq'], options);
  if (result.code !== 0) throw new Error(`apt-get update: ${explainFailure(result)}`);
  return apt;
}

/** The folders that hold shared libraries, relative to `dir`. */
export async function libraryFolders(dir: string): Promise<readonly string[]> {
  const files = await readdir(path.join(dir, 'root'), { recursive: true, withFileTypes: true });
  const libraries = files.filter((file) => /\.so(\.\d+)*$/.test(file.name));
  const folders = libraries
    .map((file) => path.relative(dir, file.parentPath))
    .filter((folder) => /\/lib(64)?(\/[^/]+-linux-[^/]+)?$/.test(folder));
  return [...new Set(folders)];
}
