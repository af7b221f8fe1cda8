import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { startCluster, until } from '../../src/tour/cluster.ts';
import { runCommand } from '../../src/tour/command.ts';
import { prefill, startLoad } from '../../src/tour/load.ts';
import { freePort } from '../../src/tour/ports.ts';
import { adminConnection, startServer } from '../../src/tour/server.ts';
import { redis70, serverOrSkip, valkey91 } from './support/binaries.ts';
import { startGarbage } from './support/garbage.ts';
import { MAIN, workplace } from './support/process.ts';

const ESCAPE = '\u001b';
const background = { kind: 'background', keys: 500, exponent: 0.5, readRatio: 0.8, valueBytes: 64 } as const;

test('help, version and a wrong command line', async (t) => {
  const { run } = workplace(t);
  const version = await run(['--version']);
  assert.equal(version.code, 0);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  for (const [args, words] of [
    [['--help'], [/run /, /check /, /scan /]],
    [
      ['run', '--help'],
      [/--config/, /SIGHUP/, /Exit codes: 0 .*1 .*2 /],
    ],
    [
      ['check', '--help'],
      [/--connect/, /Exit codes: 0 .*1 .*2 /],
    ],
    [
      ['scan', '--help'],
      [/--for/, /--json/, /--monitor/, /HOTSPOT_REDIS_PASSWORD/, /Exit codes: 0 .*1 .*2 /],
    ],
  ] as const) {
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, 0, args.join(' '));
    for (const word of words) assert.match(stdout, word);
    assert.equal(stderr, '');
  }
  const wrong = [
    ['watch'],
    ['run', '--confg', 'x'],
    ['scan'],
    ['scan', 'redis://h', 'redis://i'],
    ['scan', 'redis://h', '--for', 'long'],
    ['scan', 'redis://h', '--for', '0s'],
    ['check', '--config'],
  ];
  for (const { code, stdout, stderr } of await Promise.all(wrong.map((args) => run(args)))) {
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /error: .+/);
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack');
  }
});

test('check says every error at once, each with its place', async (t) => {
  const { run, cwd } = workplace(t);
  const nothing = await run(['check']);
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /nothing to check: .*--config.*HOTSPOT_REDIS_URL/);

  writeFileSync(
    path.join(cwd, 'hotspot.yaml'),
    `poll:
  intervallMs: 1000
detect: { openSkew: 2 }
targets:
  - name: one
    system: redis
    urls: ['redis://:hunter2@host:99999']
    passwordFile: no-such-file
  - name: one
    system: reddis
`,
  );
  const wrong = await run(['check']);
  assert.equal(wrong.code, 1);
  assert.equal(wrong.stdout, '');
  for (const [line, words] of [
    [2, /poll\.intervallMs.*intervalMs/s],
    [3, /detect\.openSkew/],
    [7, /targets\[0\]\.urls\[0\]/],
    [8, /targets\[0\]\.passwordFile/],
    [10, /targets\[1\]\.system.*redis/s],
  ] as const) {
    assert.match(wrong.stderr, words);
    assert.ok(wrong.stderr.includes(`:${line}`), `line ${line} in ${wrong.stderr}`);
  }
  assert.ok(!wrong.stderr.includes('hunter2'), 'no password in an error');
  const refused = await run(['run']);
  assert.equal(refused.code, 1);
  assert.equal(refused.stderr, wrong.stderr, 'run says the same');

  const missing = await run(['check', '--config', 'elsewhere.yaml']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /elsewhere\.yaml.*cannot be read/s);
  const stray = await run(['check'], { HOTSPOT_REDIS_URL: 'redis://host', HOTSPOT_REDIS_PASWORD: 'x' });
  assert.equal(stray.code, 1);
  assert.match(stray.stderr, /HOTSPOT_REDIS_PASWORD.*HOTSPOT_REDIS_PASSWORD/s);
});

test('check --connect lists the evidence of what it reaches, and why it does not reach the rest', async (t) => {
  const binary = await serverOrSkip(t, redis70);
  if (binary === undefined) return;
  const server = await startServer(binary, { config: { requirepass: 'hunter2' } });
  t.after(() => server.stop());
  const garbage = await startGarbage({ kind: 'rubbish' });
  t.after(() => garbage.stop());
  const { run, cwd } = workplace(t);
  const url = server.nodes[0]?.url ?? '';
  writeFileSync(path.join(cwd, 'password'), 'hunter2\n');
  const reachable = `  - { name: up, system: redis, urls: ['${url}'], passwordFile: password }\n`;
  writeFileSync(path.join(cwd, 'hotspot.yaml'), `targets:\n${reachable}`);
  const good = await run(['check', '--connect']);
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /^up \(redis\)$/m);
  assert.match(good.stdout, /yes +commandstats/);
  assert.match(good.stdout, /no +HOTKEYS[\s\S]*Redis 8\.6 or Valkey 9\.2/);
  assert.match(good.stdout, /no +LFU counters[\s\S]*to enable: CONFIG SET maxmemory-policy allkeys-lfu/);
  assert.ok(!good.stdout.includes(ESCAPE));

  writeFileSync(
    path.join(cwd, 'hotspot.yaml'),
    `poll: { deadlineMs: 1000 }
targets:
${reachable}  - { name: locked, system: redis, urls: ['${url}'] }
  - { name: closed, system: redis, urls: ['redis://127.0.0.1:${await freePort()}'] }
  - { name: odd, system: redis, urls: ['${garbage.url}'] }
`,
  );
  const some = await run(['check', '--connect']);
  assert.equal(some.code, 1);
  assert.match(some.stdout, /yes +commandstats/, 'the one that is up is told all the same');
  assert.match(some.stdout, /locked \(redis\)\n +not reached +NOAUTH.*\n +to mend: .*password/);
  assert.match(some.stdout, /closed \(redis\)\n +not reached +.*ECONNREFUSED/);
  assert.match(some.stdout, /odd \(redis\)\n +not reached +not the protocol of Redis/);
  assert.doesNotMatch(some.stdout + some.stderr, /hunter2/);
});

test('scan: nothing hot is 0, something hot is 1, no look is 2', async (t) => {
  const binary = await serverOrSkip(t, valkey91);
  if (binary === undefined) return;
  const cluster = await startCluster(binary, { config: { 'cluster-slot-stats-enabled': 'yes' } });
  t.after(() => cluster.stop());
  const { run, startMain } = workplace(t);
  const url = cluster.nodes[1]?.url ?? '';
  await prefill(cluster, background);
  const load = await startLoad(cluster, { rate: 2_000, mix: [background] });
  t.after(() => load.stop());

  const [calm, calmJson] = await Promise.all([
    run(['scan', url, '--for', '2s']),
    run(['scan', url, '--for', '2s', '--json']),
  ]);
  assert.equal(calm.code, 0, calm.stdout + calm.stderr);
  assert.match(calm.stdout, /nothing is hot/);
  for (const { port } of cluster.nodes) assert.match(calm.stdout, new RegExp(`^127\\.0\\.0\\.1:${port} .*\\d`, 'm'));
  assert.equal(calm.stderr, '', 'no progress bar where no one watches');
  assert.equal(calmJson.code, 0);
  assert.deepEqual(JSON.parse(calmJson.stdout), []);

  await load.set([background, { kind: 'read', key: 'product:99', share: 0.6, listLength: 100 }]);
  const owner = load.ownerOf('product:99');
  const [hot, json] = await Promise.all([
    run(['scan', url, '--for', '2s']),
    run(['scan', url, '--for', '2s', '--json']),
  ]);
  assert.equal(hot.code, 1, hot.stdout + hot.stderr);
  assert.match(hot.stdout, new RegExp(`OPEN \\w+ +redis +${owner.replaceAll('.', '\\.')}`));
  assert.match(hot.stdout, /product:99/);
  assert.ok(!hot.stdout.includes(ESCAPE), 'no colours where it is no terminal');
  assert.equal(json.code, 1, json.stderr);
  assertFindings(JSON.parse(json.stdout), owner);
  await onTerminal(t, url);

  const closed = await run(['scan', `redis://user:hunter2@127.0.0.1:${await freePort()}`]);
  assert.equal(closed.code, 2);
  assert.match(closed.stderr, /could not look at redis:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  const malformed = await run(['scan', 'http://user:hunter2@host']);
  assert.equal(malformed.code, 2);
  assert.match(malformed.stderr, /redis:\/\//);
  assert.doesNotMatch(closed.stderr + malformed.stderr, /hunter2/);

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const running = startMain(['scan', url, '--for', '60s']);
    await hasClient(t, cluster.nodes[1]?.port ?? 0);
    running.signal(signal);
    const ended = await running.ended;
    assert.equal(ended.code, 2, signal);
    assert.equal(ended.stdout, '', 'half a look is none');
    assert.match(ended.stderr, /stopped before the look was over/);
  }
});

test('scan: a reader that closes its end early is no crash', async (t) => {
  const binary = await serverOrSkip(t, redis70);
  if (binary === undefined) return;
  const server = await startServer(binary);
  t.after(() => server.stop());
  const { start } = workplace(t);
  const shell = start([
    '/bin/sh',
    '-c',
    `'${process.execPath}' '${MAIN}' scan ${server.nodes[0]?.url} --for 1s | true`,
  ]);
  const { code, stderr } = await shell.ended;
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /EPIPE|\n\s+at /);
});

/** Colours on a terminal, unless NO_COLOR; the progress bar; by `script`, which most Linux machines have. */
async function onTerminal(t: TestContext, url: string): Promise<void> {
  const found = await runCommand('script', ['--version']);
  if (found.code !== 0 || process.platform !== 'linux') return t.diagnostic('no `script` here: terminal not tested');
  const { start } = workplace(t);
  const command = `'${process.execPath}' '${MAIN}' scan ${url} --for 1s`;
  const [coloured, plain] = await Promise.all(
    [{}, { NO_COLOR: '1' }].map(
      (env) => start(['script', '-qec', command, '/dev/null'], { TERM: 'xterm', ...env }).ended,
    ),
  );
  assert.ok(coloured !== undefined && plain !== undefined);
  assert.equal(coloured.code, 1, coloured.stdout);
  assert.ok(coloured.stdout.includes(`${ESCAPE}[1m`), 'bold on a terminal');
  assert.match(coloured.stdout, /watching, 1 s left/);
  assert.equal(plain.code, 1);
  assert.ok(!new RegExp(`${ESCAPE}\\[\\d+m`).test(plain.stdout), 'NO_COLOR');
}

/** A client of the agent's: its first command was INFO or CLUSTER SLOTS. */
async function hasClient(t: TestContext, port: number): Promise<void> {
  const link = adminConnection(port);
  t.after(() => link.disconnect());
  const seen = async () =>
    /cmd=(info|latency\|histogram|cluster\|slot-stats)/.test(String(await link.call('CLIENT', 'LIST')));
  await until('the scan to have looked once', seen);
}

function assertFindings(findings: unknown, owner: string): void {
  assert.ok(Array.isArray(findings));
  assert.equal(findings.length, 1);
  const [finding]: unknown[] = findings;
  assert.ok(typeof finding === 'object' && finding !== null);
  const { signals, keys, cause, recommendations, ...head } = finding as Record<string, unknown>;
  assert.deepEqual(Object.keys(head).toSorted(), [
    'id',
    'peer',
    'scope',
    'severity',
    'since',
    'state',
    'system',
    'target',
    'updated',
  ]);
  assert.equal(head['peer'], owner);
  assert.equal(head['state'], 'open');
  assert.equal(new Date(String(head['since'])).toISOString(), head['since']);
  assert.ok(Array.isArray(signals) && signals.length > 0);
  assert.ok(Array.isArray(keys) && Array.isArray(recommendations));
  const [key] = keys as Record<string, unknown>[];
  assert.equal(key?.['key'], 'product:99');
  for (const field of ['low', 'high']) assert.equal(typeof key?.[field], 'number');
  assert.deepEqual(Object.keys(cause as object).toSorted(), ['evidence', 'id', 'missing', 'statement']);
}
