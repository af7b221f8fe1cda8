/** What a server's or a socket's error means: the code of the absence it becomes, and how to mend it. */
import type { AbsenceCode } from '../../src/model.ts';
import { Failure } from '../shared/failures.ts';

/** By the first word of an error reply (Redis source, src/server.c createSharedObjects). */
const REPLY_CODES: ReadonlyMap<string, AbsenceCode> = new Map([
  ['NOAUTH', 'unauthenticated'],
  ['WRONGPASS', 'unauthenticated'],
  ['NOPERM', 'forbidden'],
  ['LOADING', 'loading'],
  ['BUSY', 'busy'],
  ['MASTERDOWN', 'unreachable'],
  ['CLUSTERDOWN', 'unreachable'],
  ['MOVED', 'moved'],
  ['ASK', 'moved'],
  ['TRYAGAIN', 'moved'],
]);

/** Of those without a word of their own. */
const REPLY_PATTERNS: readonly (readonly [RegExp, AbsenceCode, remedy?: string])[] = [
  [/no such key/i, 'moved'],
  [/unknown (sub)?command/i, 'unsupported'],
  [/LFU maxmemory policy is not selected/i, 'disabled', 'CONFIG SET maxmemory-policy allkeys-lfu'],
  [/LFU maxmemory policy is selected/i, 'disabled', 'an eviction policy that is not an LFU one'],
  [/cluster support disabled/i, 'disabled', 'mode: standalone of the target'],
  [/max number of clients/i, 'unreachable', 'CONFIG SET maxclients, or fewer clients'],
  [/without any password configured|no password is set/i, 'unauthenticated', 'leave the password out of the target'],
  [/^ERR invalid password/i, 'unauthenticated'],
];

const SOCKET_CODES: ReadonlyMap<string, AbsenceCode> = new Map([
  ['ECONNREFUSED', 'unreachable'],
  ['ECONNRESET', 'unreachable'],
  ['ECONNABORTED', 'unreachable'],
  ['EHOSTUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['EACCES', 'unreachable'],
  ['EPERM', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['EAI_AGAIN', 'unreachable'],
  ['EAI_FAIL', 'unreachable'],
  ['EPIPE', 'unreachable'],
  ['ETIMEDOUT', 'timeout'],
  ['EPROTO', 'tls'],
]);

/** OpenSSL's names of what is wrong with a certificate (`CERT_HAS_EXPIRED`, …) and Node's own. */
const TLS_CODE = /CERT|^UNABLE_TO_(VERIFY|GET)_|^ERR_(TLS|SSL|OSSL)|^(HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)$/;

/** The first byte of a TLS alert, in the words of the client for a reply that it does not know. */
const TLS_ALERT = String.raw`got "\u0015"`;

/** An alert of the server about our certificate, or the want of one. */
const CLIENT_CERTIFICATE = /alert (certificate|bad certificate|unknown ca|handshake failure|no certificate)/i;

/**
 * @param command what was asked, for the remedy of a missing permission
 * @param user who asked, for servers that do not say so themselves
 * @returns a failure whose reason and cause hold nothing that we sent: arguments may be secrets
 */
export function failureOf(error: unknown, command?: string, user = '<user>'): Failure {
  if (error instanceof Failure) return error;
  const { message, code, name } = describe(error);
  // The errors of ioredis carry the command with its arguments, AUTH's among them.
  const cause = error instanceof Error && !('command' in error) && error.message === message ? error : undefined;
  const fail = (as: AbsenceCode, reason = message, remedy = remedyOf(as, code, message, command, user)) =>
    new Failure(as, reason, { remedy, cause });

  const reply = REPLY_CODES.get(/^([A-Z]+)\b/.exec(message)?.[1] ?? '');
  if (reply !== undefined) return fail(reply);
  for (const [pattern, as, remedy] of REPLY_PATTERNS) if (pattern.test(message)) return fail(as, message, remedy);
  if (/before secure TLS connection/i.test(message)) return fail('tls');
  if (message.includes(TLS_ALERT))
    return fail('tls', 'the server answered with a TLS alert', 'rediss:// in place of redis://');
  const socket = SOCKET_CODES.get(code) ?? (TLS_CODE.test(code) ? 'tls' : undefined);
  if (socket !== undefined) return fail(socket);
  if (name === 'AbortError' || /timed? ?out/i.test(message)) return fail('timeout');
  if (/connection is closed|isn't writeable|socket closed|max retries per request/i.test(message)) {
    return fail('unreachable', 'the connection was closed by the server');
  }
  if (/protocol error|unexpected|parser|unknown RESP type|queue state error/i.test(message)) {
    return fail('garbage', `not the protocol of Redis: ${message}`);
  }
  const isDefect = code === '' && /^(Type|Range|Reference)Error$/.test(name);
  return fail(isDefect ? 'internal' : 'garbage');
}

function describe(error: unknown): { message: string; code: string; name: string } {
  if (!(error instanceof Error))
    return { message: wordsOf(typeof error === 'string' ? error : ''), code: '', name: '' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const message =
    wordsOf(error.message) === NO_WORDS ? wordsOf(wordsOfParts(error) || code || error.name) : error.message;
  return { message: wordsOf(message), code, name: error.name };
}

const NO_WORDS = 'an error without words';

function wordsOf(message: string): string {
  return withoutArguments(message).trim() || NO_WORDS;
}

/** A host of several addresses fails with one error for each and no words of its own. */
function wordsOfParts(error: Error): string {
  if (!(error instanceof AggregateError)) return '';
  return error.errors.map((part: unknown) => (part instanceof Error ? part.message : '')).join('; ');
}

/** `808C284F137F0000:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/…` */
const OPENSSL = /^(?:write \S+ )?[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:([^:]+):.*$/s;

/** Servers repeat what they do not know: `unknown command 'AUTH', with args beginning with: 'the-password'`. */
function withoutArguments(message: string): string {
  return message
    .replace(/,? with args beginning with:.*$/s, '')
    .replace(/ Last reply: .*$/s, '')
    .replace(OPENSSL, 'TLS: $1');
}

function remedyOf(
  code: AbsenceCode,
  errorCode: string,
  message: string,
  command: string | undefined,
  asked: string,
): string | undefined {
  if (code === 'forbidden') return permissionFor(message, command, asked);
  if (code === 'unauthenticated') return 'set username and password or passwordFile of the target';
  if (code !== 'tls') return undefined;
  if (CLIENT_CERTIFICATE.test(message)) {
    return 'tls.certFile and tls.keyFile: a client certificate of an authority that the server trusts';
  }
  if (errorCode === 'CERT_HAS_EXPIRED') return 'renew the certificate of the server';
  if (errorCode === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'tls.serverName: a name that the certificate is for';
  return 'use rediss:// and tls.caFile of the authority that signed the server, or redis:// if it speaks no TLS';
}

function permissionFor(message: string, command: string | undefined, asked: string): string | undefined {
  // Redis 7.2 and Valkey name the user: "User mon has no permissions to run the 'get' command".
  const user = /^NOPERM User (\S+) has/.exec(message)?.[1] ?? asked;
  if (/access (a|one of the) keys?\b/i.test(message)) return `ACL SETUSER ${user} %R~*`;
  const denied = command ?? /'([a-z|-]+)' command/i.exec(message)?.[1];
  return denied === undefined ? undefined : `ACL SETUSER ${user} +${aclName(denied)}`;
}

/** `OBJECT FREQ` → `object|freq`. */
function aclName(command: string): string {
  return command.toLowerCase().trim().replace(/\s+/, '|');
}
