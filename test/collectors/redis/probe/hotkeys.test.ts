/** HOTKEYS: replies of a real Redis 8.6, and that no session but ours is ever ended. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandLine } from '../../../../collectors/redis/node.ts';
import {
  hotkeysFlavour,
  parseSession,
  parseValkeyHotkeys,
  redisHotkeys,
  valkeyHotkeys,
} from '../../../../collectors/redis/probe/hotkeys.ts';
import { Failure } from '../../../../collectors/shared/failures.ts';
import { AnsweringNode, contextOn, failureFrom, fixture, infoWith, replies } from '../support.ts';

const REAL = replies('redis-8.6.3');

test('real sessions', () => {
  assert.equal(parseSession(REAL['hotkeysNone']), undefined);
  const begun = parseSession(REAL['hotkeysJustBegun']);
  assert.deepEqual([begun?.active, begun?.ratio, begun?.usecByKey.size], [true, 2, 0]);
  const active = parseSession(REAL['hotkeysActive']);
  assert.deepEqual([active?.active, active?.durationMs, active?.totalUsec], [true, 666, 5266]);
  const stopped = parseSession(REAL['hotkeysStopped']);
  assert.deepEqual([stopped?.active, stopped?.sampledBytes], [false, 285_630]);
  assert.deepEqual([stopped?.usecByKey.get('product:5'), stopped?.bytesByKey.get('product:5')], [1329, 241_456]);
  let bytes = 0;
  for (const count of stopped?.bytesByKey.values() ?? []) bytes += count;
  assert.equal(bytes, stopped?.sampledBytes, 'bytes by key are of the sampled commands, and so is their sum');
});

test('keys keep odd names', () => {
  const keys = [...(parseSession(REAL['hotkeysStopped'])?.usecByKey.keys() ?? [])];
  const tag = '{product:5}';
  const odd = ['nul\u0000byte', 'line\nbreak "quoted" \'single\'', '__proto__', '\ufffd\ufffd', '42', ''];
  for (const name of odd) assert.ok(keys.includes(name + tag), JSON.stringify(name));
});

test('a session need not be wrapped in a list of one; names of fields are names, whatever they are', () => {
  const [flat] = REAL['hotkeysStopped'] as [unknown[]];
  assert.deepEqual(parseSession(flat), parseSession([flat]));
  const odd = parseSession([
    '__proto__',
    ['x'],
    'constructor',
    1,
    ...flat,
    'by-cpu-time-us',
    ['__proto__', 7, 'constructor', 8],
  ]);
  assert.deepEqual(
    [...(odd?.usecByKey ?? [])],
    [
      ['__proto__', 7],
      ['constructor', 8],
    ],
  );
});

test('keys that look alike once decoded are one', () => {
  const [flat] = REAL['hotkeysStopped'] as [unknown[]];
  const session = parseSession([...flat, 'by-net-bytes', ['\ufffd', 7, '\ufffd', 8]]);
  assert.deepEqual([...(session?.bytesByKey ?? [])], [['\ufffd', 15]]);
});

test('what is no session is garbage', () => {
  const [flat] = REAL['hotkeysStopped'] as [unknown[]];
  const cases: unknown[] = [
    undefined,
    'OK',
    5,
    {},
    [],
    [[]],
    ['tracking-active', 1],
    [...flat, 'sample-ratio', null],
    [...flat, 'sample-ratio', -1],
    [...flat, 'sample-ratio', Number.NaN],
    [...flat, 'all-commands-all-slots-us', 1e300],
    [...flat, 'by-cpu-time-us', ['k']],
    [...flat, 'by-cpu-time-us', ['k', -5]],
    [...flat, 'by-cpu-time-us', ['k', '5']],
    [...flat, 'by-cpu-time-us', [null, 5]],
    [...flat, 'by-net-bytes', 'k'],
  ];
  for (const reply of cases)
    assert.equal(failureFrom(() => parseSession(reply)).code, 'garbage', JSON.stringify(reply));
});

test('Valkey 9.2 by its documentation: maps or flat lists, hottest first', () => {
  assert.deepEqual(parseValkeyHotkeys([]), []);
  const flat = [
    ['key', 'a', 'db', 0, 'qps', '12.5'],
    ['key', '__proto__', 'db', 1, 'qps', 900],
  ];
  const expected = [
    { key: '__proto__', qps: 900 },
    { key: 'a', qps: 12.5 },
  ];
  assert.deepEqual(parseValkeyHotkeys(flat), expected);
  assert.deepEqual(
    parseValkeyHotkeys([
      { key: 'a', db: 0, qps: 12.5 },
      { key: '__proto__', qps: 900 },
    ]),
    expected,
  );
  for (const reply of [
    null,
    {},
    ['a'],
    [['key', 'a']],
    [['key', 'a', 'qps', '']],
    [['key', 'a', 'qps', '-1']],
    [['qps', 1]],
  ]) {
    assert.equal(failureFrom(() => parseValkeyHotkeys(reply)).code, 'garbage', JSON.stringify(reply));
  }
});

test('which of the two a server has', () => {
  const cases = [
    ['redis', '8.6.3', 'redis'],
    ['redis', '8.5.0', undefined],
    ['redis', '7.0.15', undefined],
    ['valkey', '9.2.0', 'valkey'],
    ['valkey', '9.1.2', undefined],
  ] as const;
  for (const [server, version, flavour] of cases) assert.equal(hotkeysFlavour({ server, version }), flavour, version);
});

/** A server with a HOTKEYS of its own: `get` answers GET while no session of ours is, `session` while one is. */
function server(get: unknown, changes: { start?: unknown; session?: unknown } = {}) {
  let started = false;
  const info = fixture('redis-8.6.3.info.txt');
  return new AnsweringNode(([command, subcommand]: CommandLine) => {
    if (command === 'INFO') return info;
    if (subcommand === 'START') {
      // One that was not answered in time has begun all the same.
      if (changes.start === undefined || (changes.start instanceof Failure && changes.start.code === 'timeout'))
        started = true;
      return changes.start ?? 'OK';
    }
    if (subcommand === 'GET') return started ? (changes.session ?? REAL['hotkeysStopped']) : get;
    if (subcommand === 'RESET') started = false;
    return 'OK';
  });
}

function sent(node: AnsweringNode): string[] {
  return node.asked.filter((line) => line.startsWith('HOTKEYS')).map((line) => line.split(' ')[1] ?? '');
}

test('a session of ours: started, read and ended', async () => {
  const node = server(null);
  const { keys } = await redisHotkeys(contextOn(node));
  assert.deepEqual(sent(node), ['GET', 'START', 'GET', 'GET', 'STOP', 'GET', 'GET', 'STOP', 'RESET']);
  assert.deepEqual(
    keys.slice(0, 3).map(({ key }) => key),
    ['product:5', 'views:20', 'set:79'],
  );
  for (const { share, low, high, evidence } of keys) {
    assert.ok(share !== undefined && 0 <= low && low <= share && share <= high && high <= 1);
    assert.match(evidence, /one in 2 commands/);
  }
  // 1329 of 5266/2 µs and 241,456 of 285,630 bytes.
  assert.ok(Math.abs((keys[0]?.share ?? 0) - (2658 / 5266 + 241_456 / 285_630) / 2) < 1e-9);
});

test("another operator's session is neither ended nor reset", async () => {
  const [fresh] = REAL['hotkeysStopped'] as [unknown[]];
  for (const reply of [REAL['hotkeysActive'], REAL['hotkeysJustBegun'], [fresh]]) {
    const node = server(reply);
    const startedAt = Number(fresh[fresh.indexOf('collection-start-time-unix-ms') + 1]);
    const context = contextOn(node, { info: infoWith({ serverTimeMs: startedAt + 60_000 }) });
    await assert.rejects(redisHotkeys(context), (error) => error instanceof Failure && error.code === 'occupied');
    assert.deepEqual(sent(node), ['GET']);
  }
  const long = server(REAL['hotkeysActive']);
  const yearsLater = contextOn(long, { info: infoWith({ serverTimeMs: 1.9e12 }) });
  await assert.rejects(redisHotkeys(yearsLater), { code: 'occupied' });
  assert.deepEqual(sent(long), ['GET']);
});

test('a result that no one has read for ten minutes belongs to no one', async () => {
  const [left] = REAL['hotkeysStopped'] as [unknown[]];
  const startedAt = Number(left[left.indexOf('collection-start-time-unix-ms') + 1]);
  const node = server([left]);
  const { keys } = await redisHotkeys(contextOn(node, { info: infoWith({ serverTimeMs: startedAt + 700_000 }) }));
  assert.ok(keys.length > 0);
});

test('a session that another began in between is not ended', async () => {
  const node = server(null, { start: new Failure('garbage', 'ERR hotkey tracking session already in progress') });
  await assert.rejects(redisHotkeys(contextOn(node)), (error) => error instanceof Failure && error.code === 'occupied');
  assert.deepEqual(sent(node), ['GET', 'START']);
});

test('ours is ended also when START was not answered, when what it says is garbage, and when the probe is aborted', async () => {
  const silent = server(null, { start: new Failure('timeout', 'no answer') });
  await assert.rejects(
    redisHotkeys(contextOn(silent, { info: infoWith({ serverTimeMs: 1_795_509_130_000 }) })),
    (error) => error instanceof Failure && error.code === 'timeout',
  );
  assert.deepEqual(sent(silent).slice(-2), ['STOP', 'RESET']);

  const garbage = server(null, { session: ['x'] });
  await assert.rejects(
    redisHotkeys(contextOn(garbage)),
    (error) => error instanceof Failure && error.code === 'garbage',
  );
  assert.deepEqual(sent(garbage).slice(-2), ['STOP', 'RESET']);

  const aborted = server(null);
  const controller = new AbortController();
  const context = contextOn(aborted, {
    signal: controller.signal,
    async sleep(ms) {
      if (ms > 1000) controller.abort();
      controller.signal.throwIfAborted();
    },
  });
  await assert.rejects(redisHotkeys(context));
  assert.deepEqual(sent(aborted), ['GET', 'START', 'GET', 'GET', 'STOP', 'RESET']);
});

test('a session that another began after ours had run out is not ended', async () => {
  const ours = REAL['hotkeysActive'] as [unknown[]];
  const theirs = structuredClone(ours);
  theirs[0][theirs[0].indexOf('collection-start-time-unix-ms') + 1] = 1_795_509_199_000;
  let asked = 0;
  const node = new AnsweringNode(([command, subcommand]) => {
    if (command === 'INFO') return fixture('redis-8.6.3.info.txt');
    if (subcommand !== 'GET') return subcommand === 'STOP' ? new Failure('garbage', 'ERR no session') : 'OK';
    return [null, ours][asked++] ?? (asked === 1 ? null : theirs);
  });
  await assert.rejects(redisHotkeys(contextOn(node)), { message: 'the HOTKEYS session was ended by someone else' });
  assert.deepEqual(sent(node), ['GET', 'START', 'GET', 'GET', 'GET'], 'theirs goes on');
});

test('Valkey that tracks nothing says what would', async () => {
  const info = fixture('valkey-9.1.2.info.txt');
  const node = new AnsweringNode(([command]) => (command === 'INFO' ? info : []));
  const { keys, shortfall } = await valkeyHotkeys(contextOn(node));
  assert.deepEqual([keys, shortfall?.code, shortfall?.remedy], [[], 'disabled', 'CONFIG SET hotkeys-top-k 64']);
});
