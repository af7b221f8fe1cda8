import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { findServer, ServerNotFoundError } from '../../../src/tour/binaries.ts';

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'hotspot-agent-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A program called `name` that prints `says`, as `--version` does. */
async function fakeServer(dir: string, name: string, says: string): Promise<string> {
  const file = path.join(dir, name);
  await writeFile(file, `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 });
  return file;
}

test('a server given by HOTSPOT_REDIS_SERVER is taken', async (t) => {
  const dir = await folder(t);
  const file = await fakeServer(dir, 'mine', 'Redis server v=7.2.4 sha=00000000:0');
  const found = await findServer({ env: { HOTSPOT_REDIS_SERVER: file }, cacheDir: dir, log: () => {} });
  assert.deepEqual(found, { name: 'redis', version: '7.2.4', command: [file], env: {} });
});

test('a given server that cannot be used is an error, not a reason to take another', async (t) => {
  const dir = await folder(t);
  await fakeServer(dir, 'valkey-server', 'Valkey server v=8.1.0');
  const cases: [string, RegExp][] = [
    [path.join(dir, 'absent'), /absent: not installed/],
    [await fakeServer(dir, 'old', 'Redis server v=6.2.1 x'), /redis 6\.2\.1 is older than 7\.0/],
    [await fakeServer(dir, 'ls', 'ls (coreutils)'), /not a Redis or Valkey server; it said: ls \(coreutils\)/],
  ];
  for (const [file, reason] of cases) {
    const env = { HOTSPOT_REDIS_SERVER: file, PATH: `${dir}:/bin:/usr/bin` };
    await assert.rejects(findServer({ env, cacheDir: dir, log: () => {} }), reason);
  }
});

test('one on PATH is taken, unless it is too old', async (t) => {
  const dir = await folder(t);
  await fakeServer(dir, 'valkey-server', 'Valkey server v=6.9.0');
  await fakeServer(dir, 'redis-server', 'Redis server v=7.0.15 sha=0');
  const found = await findServer({ env: { PATH: dir }, cacheDir: dir, log: () => {} });
  assert.equal(found.name, 'redis');
  assert.equal(found.version, '7.0.15');
});

test('where nothing can be had it says what was tried, what each said and how to supply one', async (t) => {
  const dir = await folder(t);
  const lines: string[] = [];
  const env = { PATH: path.join(dir, 'nothing') };
  const error = await findServer({ env, cacheDir: path.join(dir, 'cache'), log: (line) => lines.push(line) }).catch(
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ServerNotFoundError);
  assert.equal(error.tried.length, 4);
  assert.match(error.message, /valkey-server on PATH: not installed/);
  assert.match(error.message, /by pip: .*pip3: not installed/);
  assert.match(error.message, /apt-get/);
  assert.match(error.message, /HOTSPOT_REDIS_SERVER/);
  assert.equal(lines.length, 2);
  assert.deepEqual(await readdir(path.join(dir, 'cache')), [], 'a failed download leaves nothing');
});

test('an interrupted search ends with the reason of its signal', async (t) => {
  const dir = await folder(t);
  const signal = AbortSignal.abort(new Error('stop'));
  await assert.rejects(findServer({ env: { PATH: dir }, cacheDir: dir, log: () => {}, signal }), /stop/);
});
