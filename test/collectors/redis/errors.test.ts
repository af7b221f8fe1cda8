/** What the errors of servers and sockets become: a code, words without secrets, and how to mend it. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { inspect } from 'node:util';
import { failureOf } from '../../../collectors/redis/errors.ts';
import { Failure } from '../../../collectors/shared/failures.ts';
import type { AbsenceCode } from '../../../src/model.ts';
import { errorReplies, SERVERS } from './support.ts';

/** By what provoked the reply; `garbage` are those that no question of ours can provoke. */
const CODES: Readonly<Record<string, AbsenceCode>> = {
  'HOTKEYS GET': 'unsupported',
  'CLUSTER SLOT-STATS': 'unsupported',
  'CLUSTER SLOTS of a standalone server': 'disabled',
  'OBJECT FREQ without LFU': 'disabled',
  'OBJECT IDLETIME with LFU': 'disabled',
  'OBJECT FREQ elsewhere': 'moved',
  'unknown command': 'unsupported',
  'unknown subcommand': 'unsupported',
  'NOPERM command': 'forbidden',
  'NOPERM container': 'forbidden',
  'NOPERM config': 'forbidden',
  'NOPERM key': 'forbidden',
  'NOPERM channel': 'forbidden',
  WRONGPASS: 'unauthenticated',
  'AUTH without a password set': 'unauthenticated',
  NOAUTH: 'unauthenticated',
  'NOAUTH HELLO': 'unauthenticated',
  'BUSY script': 'busy',
  CLUSTERDOWN: 'unreachable',
  MASTERDOWN: 'unreachable',
  protocol: 'garbage',
};

test('every captured error reply', () => {
  for (const server of SERVERS) {
    const found = Object.entries(errorReplies(server)).filter(([what]) => what in CODES);
    assert.ok(found.length >= 17, server);
    for (const [what, message] of found) {
      const failure = failureOf(new Error(message));
      assert.equal(failure.code, CODES[what], `${server}, ${what}: ${message}`);
      assert.ok(failure.message.length > 0);
    }
  }
});

test('replies that are hard to provoke', () => {
  // From the source of Redis 7.0, and of 5.0 for the last three.
  const cases: readonly (readonly [string, AbsenceCode])[] = [
    ['LOADING Redis is loading the dataset in memory', 'loading'],
    ['ERR max number of clients reached', 'unreachable'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'moved'],
    ['ASK 3999 127.0.0.1:6381', 'moved'],
    ['ERR no such key', 'moved'],
    ['ERR invalid password', 'unauthenticated'],
    ['ERR Client sent AUTH, but no password is set', 'unauthenticated'],
  ];
  for (const [message, code] of cases) assert.equal(failureOf(new Error(message)).code, code, message);
});

test('remedies are exact', () => {
  const cases: readonly (readonly [message: string, command: string | undefined, remedy: string | undefined])[] = [
    [
      "NOPERM this user has no permissions to run the 'object|freq' command",
      'object|freq',
      'ACL SETUSER <user> +object|freq',
    ],
    [
      "NOPERM this user has no permissions to run the 'object|freq' command",
      undefined,
      'ACL SETUSER <user> +object|freq',
    ],
    ["NOPERM User mon has no permissions to run the 'scan' command", undefined, 'ACL SETUSER mon +scan'],
    [
      'NOPERM this user has no permissions to access one of the keys used as arguments',
      'object|freq',
      'ACL SETUSER <user> %R~*',
    ],
    ['NOPERM No permissions to access a key', 'object|freq', 'ACL SETUSER <user> %R~*'],
    ['NOPERM whatever', 'OBJECT FREQ', 'ACL SETUSER <user> +object|freq'],
    ['NOPERM whatever', undefined, undefined],
    ['MOVED 1 h:1', 'object|freq', undefined],
  ];
  for (const [message, command, remedy] of cases)
    assert.equal(failureOf(new Error(message), command).remedy, remedy, message);
  assert.match(failureOf(new Error('NOAUTH Authentication required.')).remedy ?? '', /passwordFile/);
  assert.match(failureOf(new Error('ERR max number of clients reached')).remedy ?? '', /maxclients/);
  assert.match(failureOf(new Error('ERR This instance has cluster support disabled')).remedy ?? '', /standalone/);
});

test('errors of sockets by their code', () => {
  const cases: readonly (readonly [string, AbsenceCode])[] = [
    ['ECONNREFUSED', 'unreachable'],
    ['ECONNRESET', 'unreachable'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENETUNREACH', 'unreachable'],
    ['EADDRNOTAVAIL', 'unreachable'],
    ['ENOTFOUND', 'unreachable'],
    ['EAI_AGAIN', 'unreachable'],
    ['EPIPE', 'unreachable'],
    ['ETIMEDOUT', 'timeout'],
    ['EPROTO', 'tls'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['CERT_NOT_YET_VALID', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
    ['constructor', 'garbage'],
    ['__proto__', 'garbage'],
  ];
  for (const [code, expected] of cases) {
    const failure = failureOf(Object.assign(new Error('it failed'), { code }));
    assert.equal(failure.code, expected, code);
    if (expected === 'tls') assert.ok(failure.remedy !== undefined, code);
  }
  assert.match(
    failureOf(Object.assign(new Error('x'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })).remedy ?? '',
    /serverName/,
  );
  assert.match(failureOf(Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' })).remedy ?? '', /renew/);
});

test('real sockets: refused, a host of several addresses, TLS spoken to one that speaks none', async (t) => {
  const server = net.createServer((socket) => socket.end('-ERR Protocol error\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const failed = (socket: net.Socket) => new Promise<unknown>((resolve) => socket.once('error', resolve));
  assert.equal(failureOf(await failed(tls.connect({ port, host: '127.0.0.1' }))).code, 'tls');
  server.close();
  assert.equal(failureOf(await failed(net.connect(port, '127.0.0.1'))).code, 'unreachable');

  const parts = [new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')];
  const several = failureOf(Object.assign(new AggregateError(parts), { code: 'ECONNREFUSED' }));
  assert.deepEqual(
    [several.code, several.message],
    ['unreachable', 'connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1'],
  );
  assert.equal(failureOf(new AggregateError([])).message, 'AggregateError');
});

test('errors of the client', () => {
  const cases: readonly (readonly [Error, AbsenceCode])[] = [
    [new Error('Connection is closed.'), 'unreachable'],
    [new Error("Stream isn't writeable and enableOfflineQueue options is false"), 'unreachable'],
    [new Error('Reached the max retries per request limit (which is 0).'), 'unreachable'],
    [new Error('Client network socket disconnected before secure TLS connection was established'), 'tls'],
    [new Error('Command timed out'), 'timeout'],
    [new DOMException('The operation was aborted due to timeout', 'TimeoutError'), 'timeout'],
    [AbortSignal.abort().reason, 'timeout'],
    [new Error('Unknown RESP type 72 "H"'), 'garbage'],
    [new TypeError("Cannot read properties of undefined (reading 'x')"), 'internal'],
    [new RangeError('Invalid array length'), 'internal'],
  ];
  for (const [error, code] of cases) assert.equal(failureOf(error).code, code, error.message);
});

test('a failure stays what it is; what is no error has words all the same', () => {
  const failure = new Failure('budget', 'spent');
  assert.equal(failureOf(failure), failure);
  for (const thrown of [undefined, null, 5, Symbol('x'), Object.create(null), {}, '', () => 0]) {
    const { code, message } = failureOf(thrown);
    assert.deepEqual([code, typeof message], ['garbage', 'string']);
  }
  assert.equal(failureOf('NOAUTH x').code, 'unauthenticated');
  assert.equal(failureOf(Object.assign(new Error(''), { code: 'EPIPE' })).message, 'EPIPE');
});

test('no password in the reason nor anywhere in the failure', () => {
  const secret = 'hunter2-s3cret';
  const command = { name: 'auth', args: ['app', secret] };
  const errors = [
    `ERR unknown command 'AUTH', with args beginning with: 'app' '${secret}' `,
    `ERR unknown command \`AUTH\`, with args beginning with: \`${secret}\`, `,
    'WRONGPASS invalid username-password pair or user is disabled.',
    'Connection is closed.',
    `Command queue state error. If you can reproduce this, please report it. Last reply: ${secret}`,
  ];
  for (const message of errors) {
    for (const error of [new Error(message), Object.assign(new Error(message), { command })]) {
      const failure = failureOf(error);
      assert.ok(!inspect(failure, { depth: 9, showHidden: true }).includes(secret), inspect(failure));
      assert.ok(!JSON.stringify([failure.message, failure.remedy]).includes(secret));
      assert.ok(failure.message.length > 5);
    }
  }
});
