/** Environment variables over the file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config.ts';
import { good, lines, MINIMAL } from './support.ts';

const SECRET = 'hunter2-Zq';

test('the environment overrides every value outside the targets, by a name made from its path', () => {
  const env = {
    HOTSPOT_POLL_INTERVAL_MS: '2500',
    HOTSPOT_LISTEN_PORT: '0',
    HOTSPOT_LOG_LEVEL: 'debug',
    HOTSPOT_DETECT_OPEN_SKEW: '.6',
    HOTSPOT_KEYS_SHOW: 'prefix',
    HOTSPOT_EXPOSE_TOP_KEYS: '',
    HOTSPOT_CONFIG: 'conf/hotspot.yaml',
    PATH: '/bin',
  };
  const config = good(`poll: { intervalMs: 99 }\n${MINIMAL}`, { env });
  assert.equal(config.poll.intervalMs, 2500);
  assert.equal(config.listen.port, 0);
  assert.equal(config.log.level, 'debug');
  assert.equal(config.detect.openSkew, 0.6);
  assert.deepEqual(config.keys, { show: 'prefix', prefixLength: 8 });
  assert.equal(config.expose.topKeys, 10);
});

test('a mistake in the environment names the variable', () => {
  const env = {
    HOTSPOT_LISTEN_PORT: '9464s',
    HOTSPOT_POL_INTERVAL_MS: '1',
    HOTSPOT_KEYS_SHOW: 'hmac',
    HOTSPOT_ZZZZZZZZZZZZZZZZZZZZZZZZZ: '',
  };
  assert.deepEqual(lines(MINIMAL, { env }).toSorted(), [
    'environment HOTSPOT_KEYS_SHOW: is hmac, which needs keys.secret or keys.secretFile',
    'environment HOTSPOT_LISTEN_PORT: is text ("9464s"); allowed: a whole number from 0 to 65535',
    'environment HOTSPOT_POL_INTERVAL_MS: unknown environment variable: nothing reads it; did you mean "HOTSPOT_POLL_INTERVAL_MS"?',
  ]);
});

test('what Kubernetes sets beside a Service named hotspot-agent is no mistake', () => {
  const env = {
    HOTSPOT_AGENT_SERVICE_HOST: '10.1.2.3',
    HOTSPOT_AGENT_SERVICE_PORT: '9464',
    HOTSPOT_AGENT_SERVICE_PORT_METRICS: '9464',
    HOTSPOT_AGENT_PORT: 'tcp://10.1.2.3:9464',
    HOTSPOT_AGENT_PORT_9464_TCP: 'tcp://10.1.2.3:9464',
    HOTSPOT_AGENT_PORT_9464_TCP_ADDR: '10.1.2.3',
    HOTSPOT_PORT: 'tcp://10.1.2.3:9464',
  };
  assert.equal(good(MINIMAL, { env }).targets.length, 1);
});

test('HOTSPOT_REDIS_URL alone makes one target', () => {
  const env = { HOTSPOT_REDIS_URL: `redis://u:${SECRET}@a:7001, redis://u:${SECRET}@b:7002` };
  const [target, ...others] = good(undefined, { path: undefined, env }).targets;
  assert.equal(others.length, 0);
  assert.equal(target?.name, 'redis');
  assert.deepEqual(target?.urls, ['redis://a:7001', 'redis://b:7002']);
  assert.equal(target?.username, 'u');
  assert.equal(target?.password?.reveal(), SECRET);
  assert.equal(good('poll: { intervalMs: 777 }', { env }).targets[0]?.poll.intervalMs, 777);
  assert.match(lines(MINIMAL, { env })[0] ?? '', /^environment HOTSPOT_REDIS_URL: is set beside a file with targets/);
  assert.match(
    lines(undefined, { env: { HOTSPOT_REDIS_URL: 'localhost' } })[0] ?? '',
    /^environment HOTSPOT_REDIS_URL: is not a URL/,
  );
});

function passwords(config: Config): (string | undefined)[] {
  return config.targets.map((target) => target.password?.reveal());
}

test('HOTSPOT_REDIS_PASSWORD and its file go to the redis targets that give none', () => {
  const text = `targets:
  - { name: a, system: redis, urls: [redis://h], username: watcher }
  - { name: b, system: redis, urls: [redis://h], password: own }
  - { name: c, system: redis, urls: ["redis://:own@h"] }
`;
  assert.deepEqual(passwords(good(text, { env: { HOTSPOT_REDIS_PASSWORD: 'env' } })), ['env', 'own', 'own']);
  const fromFile = { env: { HOTSPOT_REDIS_PASSWORD_FILE: '/run/pw' }, files: { '/run/pw': 'file\n' } };
  assert.deepEqual(passwords(good(text, fromFile)), ['file', 'own', 'own']);
  const both = { env: { HOTSPOT_REDIS_PASSWORD: 'env', HOTSPOT_REDIS_PASSWORD_FILE: '/run/pw' } };
  assert.match(lines(text, both)[0] ?? '', /HOTSPOT_REDIS_PASSWORD_FILE: is set beside HOTSPOT_REDIS_PASSWORD/);
  assert.match(
    lines(text, { env: { HOTSPOT_REDIS_PASSWORD_FILE: '/none' } })[0] ?? '',
    /^environment HOTSPOT_REDIS_PASSWORD_FILE: cannot be read: its file: there is no such file$/,
  );
});

test('nothing in the file is replaced by a variable', () => {
  const text = `targets: [{ name: a, system: redis, urls: [redis://h], password: "\${HOME}" }]`;
  assert.equal(good(text, { env: { HOME: 'x' } }).targets[0]?.password?.reveal(), `\${HOME}`);
});
