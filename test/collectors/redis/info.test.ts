/** INFO of real servers, and of what pretends to be one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAtLeast, parseInfo } from '../../../collectors/redis/info.ts';
import { failureFrom, fixture, SERVERS } from './support.ts';

test('the masters of real clusters', () => {
  const expected = {
    'redis-7.0.15': ['redis', '7.0.15'],
    'redis-8.6.3': ['redis', '8.6.3'],
    // It says redis_version:7.2.4 too, and server_mode in place of redis_mode.
    'valkey-9.1.2': ['valkey', '9.1.2'],
  } as const;
  for (const name of SERVERS) {
    const info = parseInfo(fixture(`${name}.info.txt`));
    assert.deepEqual([info.server, info.version], expected[name]);
    assert.deepEqual([info.mode, info.role, info.loading, info.keys], ['cluster', 'master', false, 10], name);
    assert.equal(info.commands.get('get')?.calls, 2025, name);
    assert.equal(info.commands.get('hincrby')?.calls, 286, name);
    assert.equal(info.commands.get('config|get')?.calls, name === 'valkey-9.1.2' ? 3 : 1);
    assert.equal(info.evictionPolicy, 'noeviction');
    assert.match(info.runId, /^[0-9a-f]{40}$/);
    assert.ok((info.mainThreadCpuSeconds ?? 0) > 0 && (info.netOutputBytes ?? 0) > (info.netInputBytes ?? 0), name);
    assert.ok((info.serverTimeMs ?? 0) > 1.6e12 && (info.lruClock ?? 0) > 0, name);
  }
});

test('CPU is of the main thread', () => {
  const info = parseInfo(fixture('redis-8.6.3.info.txt'));
  assert.equal(info.mainThreadCpuSeconds, 0.145045 + 0.080869);
});

test('replicas and standalone servers', () => {
  for (const name of SERVERS) {
    assert.equal(parseInfo(fixture(`${name}.replica.info.txt`)).role, 'slave', name);
    const alone = parseInfo(fixture(`${name}.standalone.info.txt`));
    // One key in database 0 and one in database 3.
    assert.deepEqual([alone.mode, alone.role, alone.keys], ['standalone', 'master', 2], name);
  }
});

test('Redis 6.2: containers without subcommands', () => {
  const info = parseInfo(fixture('redis-6.2.handwritten.info.txt'));
  assert.deepEqual(info.commands.get('object'), { calls: 10, usec: 20 });
  assert.deepEqual([info.keys, info.maxMemory, info.mainThreadCpuSeconds], [10_000, 4_194_304, 30.375]);
});

test('what INFO does not tell is missing, not zero', () => {
  const info = parseInfo('run_id:x\r\nredis_version:7.0.0\r\n');
  assert.deepEqual(
    [info.mainThreadCpuSeconds, info.netInputBytes, info.netOutputBytes, info.usedMemory, info.serverTimeMs],
    [undefined, undefined, undefined, undefined, undefined],
  );
  assert.equal(parseInfo('run_id:x\nused_cpu_user:1.5\nused_cpu_sys:2').mainThreadCpuSeconds, 3.5);
});

test('a sentinel says so', () => {
  for (const field of ['redis_mode', 'server_mode']) {
    assert.equal(parseInfo(`run_id:x\n${field}:sentinel`).role, 'sentinel');
  }
});

test('names of commands are names, whatever they are', () => {
  const info = parseInfo(
    'run_id:x\n__proto__:1\ncmdstat___proto__:calls=3,usec=4,x=1\ncmdstat_constructor:calls=1,usec=1',
  );
  assert.deepEqual([...info.commands.keys()], ['__proto__', 'constructor']);
  assert.equal(info.commands.get('__proto__')?.calls, 3);
});

test('what is not a number is garbage, and the reason says where', () => {
  const cases = [
    'used_memory:',
    'used_memory:NaN',
    'used_memory:-1',
    'used_memory:Infinity',
    'used_memory:1e9',
    'used_memory:0x10',
    `used_memory:${'9'.repeat(400)}`,
    'cmdstat_get:calls=-1,usec=2',
    `cmdstat_get:calls=${'9'.repeat(400)},usec=2`,
    'db0:keys=x',
    'loading:2',
    'role:king',
    'server_mode:cluser',
  ];
  for (const line of cases) {
    const failure = failureFrom(() => parseInfo(`run_id:x\n${line}\n`));
    assert.equal(failure.code, 'garbage', line);
    assert.ok(failure.message.includes(line.split(':', 1)[0] ?? ''), failure.message);
  }
  for (const text of ['', 'HTTP/1.1 400 Bad Request', 'null', 'run_id:']) {
    assert.equal(failureFrom(() => parseInfo(text)).code, 'garbage', text);
  }
});

test('versions are compared by number', () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['8.6.3', true],
    ['8.6-rc1', true],
    ['8.10.0', true],
    ['9.0.0', true],
    ['255.255.255', true],
    ['8.5.9', false],
    ['7.9.0', false],
    ['8', false],
    ['', false],
    ['unstable', false],
  ];
  for (const [version, expected] of cases) assert.equal(isAtLeast(version, 8, 6), expected, version);
});
