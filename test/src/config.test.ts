/** What a configuration comes to: defaults, overrides, files; and that example and reference hold every setting. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { leaves, outlineOf } from '../../src/config/outline.ts';
import { rootSchema, targetSchemas } from '../../src/config/schema.ts';
import { configReference, formatProblems, loadConfig, loadConfigFile } from '../../src/config.ts';
import { good, lines, load, MINIMAL } from './config/support.ts';

const EXAMPLE = new URL('../../../hotspot.example.yaml', import.meta.url);

test('a name, a system and a url are a whole configuration', () => {
  const config = good(MINIMAL);
  assert.deepEqual(config.listen, { host: '0.0.0.0', port: 9464 });
  assert.deepEqual(config.keys, { show: 'plain' });
  assert.deepEqual(config.poll, {
    intervalMs: 10_000,
    confirmIntervalMs: 1000,
    deadlineMs: 5000,
    maxBackoffMs: 60_000,
  });
  assert.deepEqual(config.targets[0]?.urls, ['redis://10.0.0.1:6379']);
  assert.deepEqual(config.targets[0]?.poll, config.poll);
  assert.equal(config.targets[0]?.probe.monitor, false);
});

test('a target overrides only what it names, over what the file says for all', () => {
  const config = good(`
poll: { intervalMs: 20000 }
detect: { openAfterTicks: 5 }
targets:
  - { name: a, system: redis, urls: [redis://h], poll: { deadlineMs: 700 }, detect: { openSkew: 0.7 } }
  - { name: b, system: redis, urls: [redis://h] }
`);
  const [a, b] = config.targets;
  assert.deepEqual(a?.poll, { ...config.poll, deadlineMs: 700 });
  assert.equal(a?.poll.intervalMs, 20_000);
  assert.deepEqual(a?.detect, { ...config.detect, openSkew: 0.7 });
  assert.equal(a?.detect.openAfterTicks, 5);
  assert.deepEqual(b?.detect, config.detect);
});

test('files are read beside the configuration; a missing, empty or wrong one is a mistake at its line', () => {
  const text = `keys: { show: hmac, secretFile: k }
targets:
  - name: a
    system: redis
    urls: [rediss://h]
    passwordFile: /abs/pw
    tls: { caFile: ca.pem, certFile: c.pem, keyFile: k.pem }
`;
  const pem = '-----BEGIN X-----\n';
  const files = { 'conf/k': 'key\n', '/abs/pw': 'two\n\n', 'conf/ca.pem': pem, 'conf/c.pem': pem, 'conf/k.pem': pem };
  const config = good(text, { files });
  assert.equal(config.keys.show === 'hmac' && config.keys.secret.reveal(), 'key');
  assert.equal(config.targets[0]?.password?.reveal(), 'two\n');
  assert.equal(config.targets[0]?.tls?.key?.reveal(), pem);
  const broken = {
    'conf/k': '\n',
    'conf/ca.pem': 'x',
    'conf/c.pem': pem,
    'conf/k.pem': '-----BEGIN ENCRYPTED PRIVATE KEY-----',
  };
  assert.deepEqual(lines(text, { files: broken }), [
    'hotspot.yaml:1:33 keys.secretFile: names a file that is empty',
    'hotspot.yaml:6:19 targets[0].passwordFile: cannot be read: its file: there is no such file',
    'hotspot.yaml:7:20 targets[0].tls.caFile: names a file that is not PEM: it has no -----BEGIN line',
    'hotspot.yaml:7:54 targets[0].tls.keyFile: names a key with a passphrase: give one without',
  ]);
});

function print(yaml: string, files: Record<string, string>): string {
  return load(yaml, { files }).fingerprint;
}

test('the fingerprint changes with the text and with every file it names, and with nothing else', () => {
  const text = 'targets: [{ name: a, system: redis, urls: [redis://h], passwordFile: pw }]';
  const before = print(text, { 'conf/pw': 'x' });
  assert.equal(print(text, { 'conf/pw': 'x', other: 'y' }), before);
  assert.notEqual(print(text, { 'conf/pw': 'z' }), before);
  assert.notEqual(print(text, {}), before);
  assert.notEqual(print(`${text} `, { 'conf/pw': 'x' }), before);
});

test('a file that cannot be read is a problem like any other', () => {
  const result = loadConfigFile({
    path: 'none.yaml',
    env: {},
    readFile: () => {
      throw Object.assign(new Error('x'), { code: 'EACCES' });
    },
  });
  assert.ok(!result.ok);
  assert.equal(formatProblems(result.problems, 'none.yaml'), 'none.yaml: cannot be read: the agent may not read it');
});

function readFile(path: string): string {
  return path.includes('tls/') ? '-----BEGIN CERTIFICATE-----\n' : 'a secret\n';
}

test('the example loads, and holds every setting with its default', () => {
  const text = readFileSync(EXAMPLE, 'utf8');
  const result = loadConfig({ text, path: 'hotspot.yaml', env: {}, readFile });
  if (!result.ok) assert.fail(formatProblems(result.problems, 'hotspot.example.yaml'));
  const defaults = good(MINIMAL);
  for (const section of ['listen', 'log', 'poll', 'detect', 'expose'] as const) {
    assert.deepEqual(result.config[section], defaults[section], section);
  }
  const cache = result.config.targets.find((target) => target.name === 'shop-cache');
  for (const section of ['slotStats', 'lfu', 'probe'] as const) {
    assert.deepEqual(cache?.[section], defaults.targets[0]?.[section], section);
  }
  for (const schema of [rootSchema, ...Object.values(targetSchemas)]) {
    for (const { path } of leaves(outlineOf(schema))) {
      const name = path.findLast((step) => step !== '[]') ?? '';
      assert.match(text, new RegExp(`\\b${name}:`), `the example lacks ${path.join('.')}`);
    }
  }
});

test('the reference has every setting, each with a meaning, and every variable', () => {
  const reference = configReference();
  const rows = reference.split('\n').filter((line) => line.startsWith('| `'));
  for (const row of rows) assert.doesNotMatch(row, /undefined|\[object/, row);
  for (const row of rows.filter((line) => line.split(' | ').length === 5)) {
    assert.notEqual(row.split(' | ')[3]?.trim(), '', row);
  }
  for (const part of [
    '| `poll.intervalMs` | a whole number from 100 to 3600000 | `10000` |',
    '`HOTSPOT_KEYS_SECRET_FILE`',
    '| `targets[].urls[]` | redis://host:6379 | required |',
    '| `targets[].sentinel.passwordFile` |',
    '| `HOTSPOT_REDIS_URL` |',
  ]) {
    assert.ok(reference.includes(part), part);
  }
});
