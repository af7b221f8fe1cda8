/** Where a server is and how it is met: addresses, credentials, TLS, and the client's options that follow. */
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import type { Secret } from '../shared/secret.ts';
import type { TlsConfig } from '../shared/settings.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Access {
  readonly username?: string;
  readonly password?: Secret;
  readonly tls?: TlsConfig;
}

export function nameOf({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function tlsOptionsOf(host: string, tls: TlsConfig): ConnectionOptions {
  return {
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key.reveal() }),
    // An address is no server name (RFC 6066): Node refuses it there and verifies the certificate by host.
    ...(tls.serverName !== undefined ? { servername: tls.serverName } : isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: !tls.insecureSkipVerify,
  };
}

/** No reconnects and no queue of the client's own: when to dial again is for the poll to say. */
export function optionsOf(
  { host, port }: Address,
  { username, password, tls }: Access,
): Omit<RedisOptions, 'replyMapping'> {
  return {
    host,
    port,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password.reveal() }),
    ...(tls !== undefined && { tls: tlsOptionsOf(host, tls) }),
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  };
}
