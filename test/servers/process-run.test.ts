import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../src/tour/cluster.ts';
import { startLoad } from '../../src/tour/load.ts';
import { adminConnection, type ServerGroup, startServer } from '../../src/tour/server.ts';
import { redis70, redis86, serverOrSkip, valkey91 } from './support/binaries.ts';
import { ROOT, type Running, workplace } from './support/process.ts';
import { promtoolOrSkip } from './support/promtool.ts';

const LOOPBACK = { HOTSPOT_LISTEN_HOST: '127.0.0.1', HOTSPOT_LISTEN_PORT: '0' };
const background = { kind: 'background', keys: 500, exponent: 0.5, readRatio: 0.8, valueBytes: 64 } as const;

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`run serves what it watches, and ends in good order on ${signal}`, async (t) => {
    const server = await serverAt(t);
    if (server === undefined) return;
    const { startMain, leftovers } = workplace(t);
    const running = startMain(['run'], { ...LOOPBACK, HOTSPOT_REDIS_URL: server.url, HOTSPOT_LOG_LEVEL: 'info' });
    const url = await listening(running);
    await until('it to be ready', async () => (await fetch(`${url}/readyz`)).status === 200);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.match(await textOf(`${url}/`), /<html/);
    assert.deepEqual(await jsonOf(`${url}/api/v1/findings`), []);
    const targets = await jsonOf(`${url}/api/v1/targets`);
    assert.equal(namesOf(targets), 'redis');
    assert.match(await textOf(`${url}/metrics`), /^hotspot_target_up\{.*\} 1$/m);

    running.child.kill('SIGHUP');
    await running.says(/nothing to reload/);
    running.signal(signal);
    const { code, stdout, stderr } = await running.ended;
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
    for (const line of stdout.trim().split('\n')) assert.equal(typeof JSON.parse(line), 'object', 'JSON lines');
    assert.match(stdout, /"msg":"stopping"/);
    await assert.rejects(fetch(`${url}/healthz`), 'the port is given back');
    assert.deepEqual(leftovers(), []);
    await server.isLeftAlone();
  });
}

test('SIGTERM while a target does not answer ends within the deadline', async (t) => {
  const server = await serverAt(t);
  if (server === undefined) return;
  const { startMain } = workplace(t);
  const running = startMain(['run'], { ...LOOPBACK, HOTSPOT_REDIS_URL: server.url, HOTSPOT_POLL_INTERVAL_MS: '200' });
  const url = await listening(running);
  await until('it to be ready', async () => (await fetch(`${url}/readyz`)).status === 200);
  server.group.pause(0);
  // The next poll has begun: it will not end by itself before its 5 s are over.
  await until('a poll to hang', async () => {
    const before = await pollsMade(url);
    await sleep(600);
    return (await pollsMade(url)) === before;
  });
  running.signal('SIGTERM');
  const ended = await Promise.race([running.ended, sleep(4_000, undefined, { ref: false })]);
  assert.equal(ended?.code, 0, 'it did not wait for the poll');
});

test('a reload: a wrong file is refused and the old one goes on, a right one is taken up', async (t) => {
  const server = await serverAt(t);
  if (server === undefined) return;
  const { startMain, cwd } = workplace(t);
  const file = path.join(cwd, 'hotspot.yaml');
  const target = (name: string) => `  - { name: ${name}, system: redis, urls: ['${server.url}'] }\n`;
  writeFileSync(file, `targets:\n${target('one')}`);
  const running = startMain(['run'], LOOPBACK);
  const url = await listening(running);
  const names = async () => namesOf(await jsonOf(`${url}/api/v1/targets`));
  assert.equal(await names(), 'one');

  writeFileSync(file, `targets:\n${target('one')}  - { name: two, systm: redis, password: hunter2 }\n`);
  running.child.kill('SIGHUP');
  const refusal = await running.says(/(\{.*new configuration refused.*\})/);
  assert.match(refusal, /targets\[1\]/);
  assert.doesNotMatch(refusal, /hunter2/);
  assert.equal(await names(), 'one');
  assert.equal(running.child.exitCode, null);

  writeFileSync(file, `targets:\n${target('one')}${target('two')}`);
  running.child.kill('SIGHUP');
  await until('the second target', async () => (await names()) === 'one,two');
  await until('it to be ready again', async () => (await fetch(`${url}/readyz`)).status === 200);
  writeFileSync(file, `targets:\n${target('two')}`);
  await until('the first target to go, noticed by the file alone', async () => (await names()) === 'two', 15_000);
  assert.doesNotMatch(await textOf(`${url}/metrics`), /target="one"/, 'its series go with it');
  running.signal('SIGTERM');
  assert.equal((await running.ended).code, 0);
});

test('a port in use is said with its remedy', async (t) => {
  const server = await serverAt(t);
  if (server === undefined) return;
  const { run } = workplace(t);
  const { code, stderr, stdout } = await run(['run'], {
    ...LOOPBACK,
    HOTSPOT_LISTEN_PORT: String(server.port),
    HOTSPOT_REDIS_URL: server.url,
  });
  assert.equal(code, 1);
  assert.match(
    stderr,
    new RegExp(`cannot listen on 127\\.0\\.0\\.1:${server.port}: the port is in use.*listen\\.port`),
  );
  assert.equal(stdout, '');
});

test('HOTKEYS: an agent or scan that is stopped in between ends its session first', async (t) => {
  const binary = await serverOrSkip(t, redis86);
  if (binary === undefined) return;
  const group = await startServer(binary);
  t.after(() => group.stop());
  const { port, url } = nodeOf(group);
  const load = await startLoad(group, {
    rate: 500,
    mix: [background, { kind: 'read', key: 'product:99', share: 0.7, listLength: 10 }],
  });
  t.after(() => load.stop());
  const admin = adminConnection(port);
  t.after(() => admin.disconnect());
  const session = async () => admin.call('HOTKEYS', 'GET');
  const isActive = async () => /tracking-active,1/.test(String(await session()));

  const { startMain, cwd } = workplace(t);
  writeFileSync(
    path.join(cwd, 'hotspot.yaml'),
    `poll: { intervalMs: 500 }\ntargets:\n  - { name: it, system: redis, urls: ['${url}'], limits: { callsPerSecond: 100 } }\n`,
  );
  for (const [args, code] of [
    [['run'], 0],
    [['scan', url, '--for', '1s'], 2],
  ] as const) {
    const running = startMain(args, LOOPBACK);
    await until('its session to begin', isActive);
    running.signal('SIGTERM');
    assert.equal((await running.ended).code, code, running.stderr());
    assert.equal(await session(), null, `${args[0]}: neither a session nor its result is left`);
  }

  // An operator's own session outlives both the probe and the end of the agent.
  await admin.call('HOTKEYS', 'START', 'METRICS', 1, 'CPU');
  const running = startMain(['scan', url, '--for', '1s']);
  assert.notEqual((await running.ended).code, 2, running.stderr());
  assert.doesNotMatch(running.stdout(), /a HOTKEYS session of/, 'other evidence served');
  assert.ok(await isActive());
});

test('npm start with nothing configured: the tour, its URL, a clean /metrics, and Ctrl-C leaves nothing', async (t) => {
  const binary = await serverOrSkip(t, valkey91); // so that the tour finds it in the cache
  if (binary === undefined) return;
  const { start, leftovers } = workplace(t);
  const running = start(['npm', '--prefix', ROOT, 'start'], LOOPBACK);
  const url = await running.says(/is watching it: (http:\S+)/, 60_000);
  const ports = (await running.says(/ports ([\d, ]+)\)/)).split(', ').map(Number);
  assert.equal(ports.length, 3);
  await until('it to be ready', async () => (await fetch(`${url}/readyz`)).status === 200);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.match(await textOf(`${url}/`), /tour/);
  assert.equal(namesOf(await jsonOf(`${url}/api/v1/targets`)), 'tour');
  assert.ok(Array.isArray(await jsonOf(`${url}/api/v1/findings`)));
  const scored = /^hotspot_skew_ratio\{.*resource="calls".*\} 0(\.\d+)?$/m;
  await until('the masters to be compared', async () => scored.test(await textOf(`${url}/metrics`)));
  await lintMetrics(t, await textOf(`${url}/metrics`));

  running.signal('SIGINT');
  const { code, signal, stdout, stderr } = await running.ended;
  // npm itself ends by the signal once its script has ended.
  assert.ok(code === 0 || code === 130 || signal === 'SIGINT', `${code} ${signal}: ${stderr}`);
  assert.match(stdout, /stopping/);
  await until('every process and file to be gone', async () => leftovers().length === 0, 10_000).catch(() => {
    assert.deepEqual(leftovers(), []);
  });
  for (const port of ports) {
    const link = adminConnection(port);
    await assert.rejects(link.ping());
    link.disconnect();
  }
});

async function lintMetrics(t: TestContext, text: string): Promise<void> {
  const promtool = await promtoolOrSkip(t);
  if (promtool === undefined) return;
  const { temp, start } = workplace(t);
  const file = path.join(temp, 'metrics.txt');
  writeFileSync(file, text);
  const { code, stdout, stderr } = await start(['/bin/sh', '-c', `'${promtool}' check metrics < '${file}'`]).ended;
  assert.equal(code, 0, stdout + stderr);
  assert.equal((stdout + stderr).trim(), '', 'promtool has nothing to say');
}

async function serverAt(t: TestContext) {
  const binary = await serverOrSkip(t, redis70);
  if (binary === undefined) return undefined;
  const group = await startServer(binary);
  t.after(() => group.stop());
  const { port, url } = nodeOf(group);
  /** No client but the one that asks. */
  const isLeftAlone = async () => {
    const link = adminConnection(port);
    t.after(() => link.disconnect());
    await until(
      'the agent to be disconnected',
      async () =>
        String(await link.call('CLIENT', 'LIST'))
          .trim()
          .split('\n').length === 1,
    );
  };
  return { group, port, url, isLeftAlone };
}

function nodeOf(group: ServerGroup): ServerGroup['nodes'][number] {
  const [node] = group.nodes;
  if (node === undefined) throw new Error('a group without a node');
  return node;
}

function listening(running: Running): Promise<string> {
  return running.says(/"url":"(http:[^"]+)"/);
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return response.text();
}

async function jsonOf(url: string): Promise<unknown> {
  return JSON.parse(await textOf(url));
}

function namesOf(targets: unknown): string {
  assert.ok(Array.isArray(targets));
  return (targets as { target: string }[]).map(({ target }) => target).join();
}

async function pollsMade(url: string): Promise<string> {
  return (await textOf(`${url}/metrics`)).match(/^hotspot_polls_total.*$/gm)?.join() ?? '';
}
