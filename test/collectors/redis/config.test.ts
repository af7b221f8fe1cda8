/** The settings of a Redis target: urls, users, TLS and Sentinel. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  type RedisTargetConfig,
  redisTargetRules,
  redisTargetSchema,
  resolveRedisTarget,
} from '../../../collectors/redis/config.ts';
import { parseRedisUrl } from '../../../collectors/redis/url.ts';
import { Secret } from '../../../collectors/shared/secret.ts';

type Settings = Record<string, unknown>;

function resolved(settings: Settings): RedisTargetConfig {
  assert.deepEqual(broken(settings), []);
  return resolveRedisTarget('t', redisTargetSchema.parse(settings), (path) => `content of ${path}\n`);
}

/** The rules that settings break, as `path: message`. */
function broken(settings: Settings): string[] {
  const found: string[] = [];
  redisTargetRules(settings, (path, message) => found.push(`${path.join('.')}: ${message}`));
  return found;
}

test('a url is taken apart and user info leaves its text', () => {
  const url = parseRedisUrl('rediss://app:p%40ss@cache.example:7000/3');
  assert.ok(typeof url === 'object');
  assert.equal(url.url, 'rediss://cache.example:7000');
  assert.deepEqual(
    [url.host, url.port, url.tls, url.username, url.password?.reveal()],
    ['cache.example', 7000, true, 'app', 'p@ss'],
  );
  const ipv6 = parseRedisUrl('valkey://[::1]');
  assert.ok(typeof ipv6 === 'object');
  assert.deepEqual([ipv6.url, ipv6.host, ipv6.port, ipv6.username], ['redis://[::1]:6379', '::1', 6379, undefined]);
});

test('a url that is wrong is explained without quoting it', () => {
  const cases: readonly (readonly [url: string, expected: RegExp])[] = [
    ['localhost', /not a URL/],
    ['localhost:6379', /scheme/],
    ['http://h', /scheme/],
    ['redis://', /no host|not a URL/],
    ['redis://h:0', /port 0/],
    ['redis://h:70000', /not a URL/],
    ['redis://h/db', /more after host:port/],
    ['redis://:a/b@h', /not a URL|more after/],
    ['redis://h?x=1', /more after host:port/],
    ['redis://u@h', /user without a password/],
    ['redis://:%zz@h', /percent-encoding/],
  ];
  for (const [url, expected] of cases) {
    const message = parseRedisUrl(url);
    assert.ok(typeof message === 'string', url);
    assert.match(message, expected, url);
  }
});

test('the user of the urls is the user of the servers; of the sentinels in mode sentinel', () => {
  const plain = resolved({ urls: ['redis://u:p@a', 'redis://u:p@b:7'] });
  assert.deepEqual(
    [plain.urls, plain.username, plain.password?.reveal()],
    [['redis://a:6379', 'redis://b:7'], 'u', 'p'],
  );
  assert.equal(plain.tls, undefined);
  const sentinel = resolved({ mode: 'sentinel', urls: ['redis://:sp@a'], sentinel: { name: 'm' }, passwordFile: 'pw' });
  assert.deepEqual(sentinel.urls, ['redis://a:26379']);
  assert.equal(sentinel.password?.reveal(), 'content of pw');
  assert.deepEqual(
    [sentinel.sentinel?.name, sentinel.sentinel?.tls, sentinel.sentinel?.password?.reveal()],
    ['m', false, 'sp'],
  );
});

test('rediss is TLS with the checks on; a tls section adds to it', () => {
  assert.deepEqual(resolved({ urls: ['rediss://a'] }).tls, { insecureSkipVerify: false });
  const tls = resolved({
    urls: ['rediss://a'],
    tls: { caFile: 'ca', certFile: 'c', keyFile: 'k', serverName: 's' },
  }).tls;
  assert.deepEqual([tls?.ca, tls?.cert, tls?.serverName], ['content of ca\n', 'content of c\n', 's']);
  assert.equal(tls?.key?.reveal(), 'content of k\n');
  const servers = resolved({ mode: 'sentinel', urls: ['redis://a'], sentinel: { name: 'm' }, tls: {} });
  assert.deepEqual([servers.tls, servers.sentinel?.tls], [{ insecureSkipVerify: false }, false]);
});

test('rules between fields', () => {
  const urls = ['redis://a'];
  const cases: readonly (readonly [Settings, RegExp])[] = [
    [{ urls, password: 'x', passwordFile: 'y' }, /^passwordFile: is given beside password/],
    [{ urls, username: 'x' }, /^username: needs a password/],
    [{ urls, mode: 'sentinel' }, /^mode: is sentinel, which needs the section sentinel/],
    [{ urls, sentinel: { name: 'm' } }, /^sentinel: has a use only with mode: sentinel/],
    [
      { urls, mode: 'sentinel', sentinel: { password: 'x', passwordFile: 'y' } },
      /^sentinel.passwordFile: is given beside/,
    ],
    [{ urls: ['rediss://a'], tls: { keyFile: 'k' } }, /^tls.keyFile: needs certFile/],
    [{ urls: ['rediss://a'], tls: { certFile: 'k' } }, /^tls.certFile: needs keyFile/],
    [{ urls, tls: {} }, /^tls: has no use with redis:\/\/ urls/],
    [{ urls: ['redis://a', 'rediss://b'] }, /^urls.1: mixes/],
    [{ urls: ['redis://:x@a', 'redis://b'] }, /^urls.1: has other user info/],
    [{ urls: ['redis://:x@a'], passwordFile: 'y' }, /^urls.0: has user info beside passwordFile/],
    [
      { urls: ['redis://:x@a'], mode: 'sentinel', sentinel: { name: 'm', password: 'y' } },
      /^urls.0: has user info beside sentinel.password/,
    ],
  ];
  for (const [settings, expected] of cases) {
    const found = broken(settings);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', expected);
  }
});

test('the rules bear anything in place of a value', () => {
  for (const value of [null, 5, 'x', [], [null], {}, { name: null }]) {
    assert.doesNotThrow(() => broken({ urls: value, tls: value, sentinel: value, mode: value, password: value }));
  }
});

test('a secret is shown as *** by everything but reveal', () => {
  const secret = new Secret('hunter2');
  assert.deepEqual(
    [String(secret), JSON.stringify({ secret }), inspect({ secret })],
    ['***', '{"secret":"***"}', '{ secret: *** }'],
  );
  assert.ok(!inspect(secret, { showHidden: true, customInspect: false }).includes('hunter2'));
  assert.deepEqual(Object.keys(structuredClone(secret)), []);
  assert.equal(secret.reveal(), 'hunter2');
});
