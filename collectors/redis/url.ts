/** Takes a Redis URL apart, so that its user info leaves the text before anything can print it. */
import { Secret } from '../shared/secret.ts';

export interface RedisUrl {
  /** `redis://host:port` or `rediss://host:port`: no user info, no path. */
  readonly url: string;
  /** An IPv6 address has no brackets here. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: Secret;
}

const SCHEMES: ReadonlyMap<string, boolean> = new Map([
  ['redis:', false],
  ['valkey:', false],
  ['rediss:', true],
  ['valkeys:', true],
]);
const REDIS_PORT = 6379;
export const SENTINEL_PORT = 26379;

/** The parts, or in words what is wrong with the text. The words never quote the text: it may hold a password. */
export function parseRedisUrl(text: string, defaultPort = REDIS_PORT): RedisUrl | string {
  const url = parseUrl(text);
  if (url === undefined) {
    return 'is not a URL: write redis://host:port or rediss://host:port, with any of / ? # @ : in a password percent-encoded';
  }
  const tls = SCHEMES.get(url.protocol);
  if (tls === undefined) return 'has a scheme that is not redis:// or rediss://';
  if (url.hostname === '') return 'has no host: write redis://host:port';
  if (!/^(\/\d*)?$/.test(url.pathname) || url.search !== '' || url.hash !== '') {
    return 'has more after host:port than a database number: write redis://host:port, with any of / ? # @ : in a password percent-encoded';
  }
  if (url.port === '0') return 'has the port 0: write the port on which the server listens';
  const username = decode(url.username);
  const password = decode(url.password);
  const host = decode(url.hostname);
  if (username === undefined || password === undefined || host === undefined) {
    return 'has a % that begins no percent-encoding: write %25 for a percent sign';
  }
  if (username !== '' && password === '')
    return 'names a user without a password: write redis://user:password@host:port';
  const port = url.port === '' ? defaultPort : Number(url.port);
  return {
    url: `${tls ? 'rediss' : 'redis'}://${url.hostname}:${port}`,
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port,
    tls,
    ...(username !== '' && { username }),
    ...(password !== '' && { password: new Secret(password) }),
  };
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
