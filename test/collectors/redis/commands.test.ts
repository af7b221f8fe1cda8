/** What commands do and which keys they name; held to the lists that servers themselves give. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandUse, isOwnOnly, keysOf, useOf } from '../../../collectors/redis/commands.ts';
import { parseInfo } from '../../../collectors/redis/info.ts';
import { fixture, SERVERS } from './support.ts';

test('uses by the flags of COMMAND of real servers', () => {
  // test/fixtures/redis/commands.json: [name, use] of Redis 8.6.3 and Valkey 9.1.2 without modules.
  const commands = JSON.parse(fixture('commands.json')) as Record<'reads' | 'writes' | 'other', string[]>;
  assert.ok(commands.reads.length > 80 && commands.writes.length > 120 && commands.other.length > 100);
  for (const use of ['reads', 'writes', 'other'] as const) {
    for (const name of commands[use]) {
      const found = useOf(name);
      assert.equal(found === 'increments' ? 'writes' : found, use, name);
    }
  }
});

test('every command in the commandstats of real servers', () => {
  const expected: Record<string, CommandUse> = {
    get: 'reads',
    set: 'writes',
    incr: 'increments',
    hincrby: 'increments',
  };
  for (const name of SERVERS) {
    for (const command of parseInfo(fixture(`${name}.info.txt`)).commands.keys()) {
      assert.equal(useOf(command), expected[command] ?? 'other', command);
    }
  }
});

test('increments commute; what only looks like one is a write', () => {
  for (const name of ['incr', 'incrby', 'incrbyfloat', 'decr', 'decrby', 'hincrby', 'hincrbyfloat', 'zincrby']) {
    assert.equal(useOf(name), 'increments', name);
  }
  for (const name of ['pfadd', 'append', 'lpush', 'zadd', 'setrange', 'bitfield'])
    assert.equal(useOf(name), 'writes', name);
});

test('subcommands, with and without their container', () => {
  const cases: readonly (readonly [string, CommandUse])[] = [
    ['object|freq', 'reads'],
    ['object', 'reads'],
    ['object|help', 'other'],
    ['xinfo|stream', 'reads'],
    ['xgroup|create', 'writes'],
    ['xgroup', 'writes'],
    ['memory|usage', 'reads'],
    ['memory|doctor', 'other'],
    ['function|load', 'writes'],
    ['function|stats', 'other'],
    ['config|get', 'other'],
    ['client|setinfo', 'other'],
  ];
  for (const [command, use] of cases) assert.equal(useOf(command), use, command);
});

test('a name that no one knows is other, whatever it is', () => {
  for (const name of [
    '',
    '|',
    'ft.search',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'get\u0000',
    '__proto__|x',
  ]) {
    assert.equal(useOf(name), 'other', name);
    assert.deepEqual(keysOf(name, ['a', 'b']), [], name);
  }
});

test('the keys of commands', () => {
  const cases: readonly (readonly [command: string, keys: string])[] = [
    ['get k', 'k'],
    ['mget a b c', 'a b c'],
    ['mset a 1 b 2', 'a b'],
    ['del a b', 'a b'],
    ['hset h f v', 'h'],
    ['hincrby h f 1', 'h'],
    ['ping', ''],
    ['publish ch m', ''],
    ['eval script 2 a b arg', 'a b'],
    ['evalsha sha 0 arg', ''],
    ['fcall f 1 k arg', 'k'],
    ['xread count 2 streams s1 s2 0 0', 's1 s2'],
    ['xreadgroup group g c streams s1 >', 's1'],
    ['xadd s * f v', 's'],
    ['xgroup create s g $', 's'],
    ['object freq k', 'k'],
    ['memory usage k', 'k'],
    ['bitop and dest a b', 'dest a b'],
    ['zunionstore dest 2 a b weights 1 2', 'dest a b'],
    ['zinter 2 a b', 'a b'],
    ['sintercard 2 a b limit 3', 'a b'],
    ['blpop a b 0', 'a b'],
    ['blmpop 0 2 a b left', 'a b'],
    ['rename a b', 'a b'],
    ['sort k by w_* get p_* store dest', 'k dest'],
    ['sort_ro k by nosort', 'k'],
    ['georadius g 1 2 3 km store d', 'g d'],
    ['migrate h 1 k 0 10', 'k'],
    ['scan 0', ''],
  ];
  for (const [line, keys] of cases) {
    const [command = '', ...args] = line.split(' ');
    assert.deepEqual(keysOf(command, args).join(' '), keys, line);
  }
});

test('odd names of keys are kept as they are', () => {
  for (const key of ['__proto__', 'constructor', 'a\nb', '"', "'", '\u0000', '\ufffd', '', ' ', '🔥']) {
    assert.deepEqual(keysOf('get', [key]), [key]);
    assert.deepEqual(keysOf('eval', ['return 1', '1', key]), [key]);
  }
});

test('ill-formed commands name no key that is not there', () => {
  const cases: readonly (readonly string[])[] = [
    ['get'],
    ['eval'],
    ['eval', 'script'],
    ['eval', 'script', '1000000000', 'a'],
    ['eval', 'script', '-1', 'a'],
    ['eval', 'script', 'NaN', 'a'],
    ['eval', 'script', '1e1', 'a'],
    ['eval', 'script', '3', 'a', 'b'],
    ['zunionstore', 'd', '99999999999999999999'],
    ['msetex', '4000000000', 'a', '1'],
    ['lmpop', 'x'],
    ['xread'],
    ['xread', 'streams'],
    ['object'],
    ['sort'],
    ['migrate'],
  ];
  for (const [command = '', ...args] of cases) {
    assert.deepEqual(keysOf(command, args), [], [command, ...args].join(' '));
  }
  for (const args of [
    ['streams', 's'],
    ['count', 'streams', 's', '0'],
  ]) {
    for (const key of keysOf('xread', args)) assert.ok(args.includes(key));
  }
});

test('what only the agent sends', () => {
  for (const name of [
    'info',
    'object|freq',
    'object',
    'latency|histogram',
    'cluster|slots',
    'hotkeys|get',
    'monitor',
  ]) {
    assert.ok(isOwnOnly(name), name);
  }
  for (const name of ['get', 'scan', 'incr', 'ping', 'eval']) assert.ok(!isOwnOnly(name), name);
});
