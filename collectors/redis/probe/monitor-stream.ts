/**
 * A connection in MONITOR mode, read line by line. Not through the client: it takes the first lines of a busy server,
 * which come together with the reply to MONITOR, for replies to commands that it never sent, and throws.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Failure } from '../../shared/failures.ts';
import { type Access, type Address, tlsOptionsOf } from '../access.ts';
import { failureOf } from '../errors.ts';

export interface MonitorLimits {
  readonly durationMs: number;
  readonly bytes: number;
}

export interface MonitorUsage {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** A line longer than this is a value of a megabyte, of which only the beginning matters. */
const LINE_KEPT = 4096;

/**
 * Calls back for each command until the time is over, the bytes are read or the signal aborts.
 * @throws Failure when MONITOR could not be begun
 */
export async function readMonitor(
  address: Address,
  access: Access,
  limits: MonitorLimits,
  signal: AbortSignal,
  onCommand: (args: readonly string[]) => void,
): Promise<MonitorUsage> {
  const socket = dial(address, access);
  let monitoring = false;
  let replies = access.password === undefined ? 1 : 2;
  let rest = '';
  try {
    await new Promise<void>((resolve, reject) => {
      const timers: NodeJS.Timeout[] = [];
      const end = (): void => {
        for (const timer of timers) clearTimeout(timer);
        signal.removeEventListener('abort', end);
        if (monitoring) resolve();
        else reject(new Failure('timeout', `MONITOR did not begin on ${address.host}:${address.port}`));
      };
      signal.addEventListener('abort', end, { once: true });
      socket.on('error', (error) => (monitoring ? end() : reject(failureOf(error, 'monitor'))));
      socket.on('close', end);
      socket.on(access.tls === undefined ? 'connect' : 'secureConnect', () => socket.write(opening(access)));
      socket.on('data', (chunk: string) => {
        const lines = `${rest}${chunk}`.split('\r\n');
        rest = (lines.pop() ?? '').slice(0, LINE_KEPT);
        for (const line of lines) {
          if (line.startsWith('-')) {
            reject(failureOf(new Error(line.slice(1)), 'monitor'));
            return;
          }
          if (replies > 0) {
            replies--;
            if (replies > 0) continue;
            monitoring = true;
            timers.push(setTimeout(end, limits.durationMs));
          } else {
            onCommand(parseMonitorLine(line));
          }
        }
        if (socket.bytesRead >= limits.bytes) end();
      });
    });
    return { bytesSent: socket.bytesWritten, bytesReceived: socket.bytesRead };
  } finally {
    socket.destroy();
  }
}

function dial({ host, port }: Address, { tls }: Access): Socket {
  const socket =
    tls === undefined ? connectTcp({ host, port }) : connectTls({ host, port, ...tlsOptionsOf(host, tls) });
  socket.setEncoding('latin1');
  socket.setNoDelay(true);
  return socket;
}

function opening({ username, password }: Access): string {
  if (password === undefined) return encode(['MONITOR']);
  const auth = username === undefined ? ['AUTH', password.reveal()] : ['AUTH', username, password.reveal()];
  return encode(auth) + encode(['MONITOR']);
}

function encode(args: readonly string[]): string {
  const bulk = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  return `*${args.length}\r\n${bulk.join('')}`;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\u0007', b: '\b' };

/**
 * `+1339518083.107412 [0 127.0.0.1:60866] "set" "k" "v\x00"` → set, k, v and a NUL. Arguments are quoted as
 * sdscatrepr does (src/sds.c); what it escaped as bytes is read as UTF-8 again.
 */
export function parseMonitorLine(line: string): string[] {
  const args: string[] = [];
  const start = line.indexOf('] "');
  if (start < 0) return args;
  for (const [, quoted = ''] of line.slice(start + 2).matchAll(/"((?:[^"\\]|\\.)*)"?/gs)) {
    const bytes = quoted.replaceAll(
      /\\(?:x([0-9a-f]{2})|(.))/gis,
      (_, hex: string | undefined, char: string | undefined) =>
        hex === undefined ? (ESCAPES[char ?? ''] ?? char ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
    );
    args.push(Buffer.from(bytes, 'latin1').toString('utf8'));
  }
  return args;
}
