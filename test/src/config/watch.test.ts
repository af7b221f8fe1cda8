/** Reloading, in a real folder: a changed file, a wrong one, the swap of a Kubernetes ConfigMap, a secret elsewhere. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchConfig } from '../../../src/config/watch.ts';
import { type Config, loadConfigFile, type Problem } from '../../../src/config.ts';

const SOON_MS = 20;
const NEVER_MS = 3_600_000;
/** Long enough for a notice and its debounce, where the test is that nothing comes of it. */
const QUIET_MS = 300;

const yaml = (port: number, more = '') =>
  `listen: { port: ${port} }\ntargets: [{ name: a, system: redis, urls: [redis://h]${more} }]\n`;

interface Watched {
  readonly changes: Config[];
  readonly refusals: (readonly Problem[])[];
  readonly loads: () => number;
  readonly trigger: () => void;
  readonly stop: () => void;
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hotspot-watch-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function startWatch(t: TestContext, path: string, timing: { debounceMs?: number; pollMs?: number } = {}): Watched {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const changes: Config[] = [];
  const refusals: (readonly Problem[])[] = [];
  let loads = 0;
  const load = () => {
    loads++;
    return loadConfigFile({ path, env: {}, readFile: (file) => readFileSync(file, 'utf8') });
  };
  const watch = watchConfig({
    path,
    load,
    fingerprint: load().fingerprint,
    onChange: (config) => changes.push(config),
    onRefused: (problems) => refusals.push(problems),
    signal: abort.signal,
    debounceMs: SOON_MS,
    pollMs: NEVER_MS,
    ...timing,
  });
  return { changes, refusals, loads: () => loads, trigger: () => watch.trigger(), stop: () => abort.abort() };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

const limit = { timeout: 10_000 };

test('a changed file is loaded', limit, async (t) => {
  const path = join(temporaryFolder(t), 'hotspot.yaml');
  writeFileSync(path, yaml(1));
  const { changes, refusals } = startWatch(t, path);
  writeFileSync(path, yaml(2));
  await until(() => changes.length > 0);
  assert.equal(changes.at(-1)?.listen.port, 2);
  assert.equal(refusals.length, 0);
});

test('a wrong file is refused once, with its problems; the next good one is taken', limit, async (t) => {
  const path = join(temporaryFolder(t), 'hotspot.yaml');
  writeFileSync(path, yaml(1));
  const { changes, refusals, trigger } = startWatch(t, path);
  writeFileSync(path, yaml(99_999));
  await until(() => refusals.length > 0);
  assert.equal(refusals[0]?.[0]?.path, 'listen.port');
  writeFileSync(path, yaml(99_999));
  await sleep(QUIET_MS);
  assert.equal(refusals.length, 1);
  trigger();
  assert.equal(refusals.length, 2, 'who asks is answered');
  assert.equal(changes.length, 0);
  writeFileSync(path, yaml(3));
  await until(() => changes.length > 0);
  assert.equal(changes.at(-1)?.listen.port, 3);
});

test('unchanged content does nothing, also after a wrong one was taken back', limit, async (t) => {
  const path = join(temporaryFolder(t), 'hotspot.yaml');
  writeFileSync(path, yaml(1));
  const { changes, refusals, trigger } = startWatch(t, path);
  writeFileSync(path, yaml(1));
  trigger();
  await sleep(QUIET_MS);
  assert.deepEqual([changes, refusals], [[], []]);
  writeFileSync(path, 'targets: [');
  trigger();
  writeFileSync(path, yaml(1));
  trigger();
  assert.equal(refusals.length, 1);
  assert.equal(changes.length, 0);
});

test('trigger loads at once, without a notice', (t) => {
  const path = join(temporaryFolder(t), 'hotspot.yaml');
  writeFileSync(path, yaml(1));
  const { changes, trigger } = startWatch(t, path, { debounceMs: NEVER_MS });
  writeFileSync(path, yaml(2));
  trigger();
  assert.deepEqual(
    changes.map((config) => config.listen.port),
    [2],
  );
});

test('the swap of a ConfigMap is seen', limit, async (t) => {
  const folder = temporaryFolder(t);
  const publish = (version: string, port: number): void => {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'hotspot.yaml'), yaml(port));
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  publish('..2024_1', 1);
  const path = join(folder, 'hotspot.yaml');
  symlinkSync(join('..data', 'hotspot.yaml'), path);
  const { changes, refusals } = startWatch(t, path);
  for (const [version, port] of [
    ['..2024_2', 2],
    ['..2024_3', 3],
  ] as const) {
    publish(version, port);
    await until(() => changes.at(-1)?.listen.port === port);
  }
  rmSync(join(folder, '..2024_1'), { recursive: true });
  await sleep(QUIET_MS);
  assert.deepEqual(
    changes.map((config) => config.listen.port),
    [2, 3],
  );
  assert.deepEqual(refusals, []);
});

test('without a notice the fallback sees it: a password file in another folder', limit, async (t) => {
  const path = join(temporaryFolder(t), 'hotspot.yaml');
  const password = join(temporaryFolder(t), 'password');
  writeFileSync(password, 'old\n');
  writeFileSync(path, yaml(1, `, passwordFile: ${password}`));
  const { changes } = startWatch(t, path, { pollMs: SOON_MS });
  writeFileSync(password, 'new\n');
  await until(() => changes.length > 0);
  assert.equal(changes.at(-1)?.targets[0]?.password?.reveal(), 'new');
});

test('a file that goes away is refused; the agent goes on and takes it when it is back', limit, async (t) => {
  const path = join(temporaryFolder(t), 'hotspot.yaml');
  writeFileSync(path, yaml(1));
  const { changes, refusals } = startWatch(t, path);
  rmSync(path);
  await until(() => refusals.length > 0);
  assert.equal(refusals[0]?.[0]?.message, 'cannot be read: there is no such file');
  writeFileSync(path, yaml(4));
  await until(() => changes.length > 0);
  assert.equal(changes.at(-1)?.listen.port, 4);
});

test('many writes in a burst are one load, and none follows the end', limit, async (t) => {
  const path = join(temporaryFolder(t), 'hotspot.yaml');
  writeFileSync(path, yaml(1));
  const watched = startWatch(t, path, { debounceMs: 100 });
  const before = watched.loads();
  for (let port = 2; port <= 30; port++) writeFileSync(path, yaml(port));
  await until(() => watched.changes.length > 0);
  assert.equal(watched.loads() - before, 1);
  assert.equal(watched.changes.at(-1)?.listen.port, 30);
  watched.stop();
  writeFileSync(path, yaml(31));
  watched.trigger();
  await sleep(QUIET_MS);
  assert.equal(watched.changes.length, 1);
});

test('a folder that cannot be watched leaves trigger and the fallback', (t) => {
  const path = join(temporaryFolder(t), 'later', 'hotspot.yaml');
  const { changes, trigger } = startWatch(t, path);
  mkdirSync(join(path, '..'));
  writeFileSync(path, yaml(5));
  trigger();
  assert.deepEqual(
    changes.map((config) => config.listen.port),
    [5],
  );
});
