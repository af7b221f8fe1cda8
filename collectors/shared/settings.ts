/**
 * What the settings of every kind of target have in common: TLS and passwords as a user writes them, and as a
 * collector receives them.
 *
 * The metadata of a field drives everything derived from a schema: `secret` values are never shown, and a field
 * with `file` names a file that the loader reads, so that a missing one is reported with all other problems.
 */
import * as z from 'zod';
import { Secret } from './secret.ts';

/** Reads a file that a field with `file` metadata names. The loader has read it before: it does not fail. */
export type ReadFile = (path: string) => string;

/** A mapping as it was written, before any check. */
export type RawFields = Readonly<Record<string, unknown>>;

/** Says that the value at `path`, relative to the target, breaks a rule between fields. */
export type Report = (path: readonly (string | number)[], message: string) => void;

export const usernameField = z.string().min(1).optional();
export const passwordField = z.string().min(1).meta({ secret: true }).optional();
export const passwordFileField = z.string().min(1).meta({ file: 'secret' }).optional();

const pemFile = z.string().min(1).meta({ file: 'pem' }).optional();

export const tlsSchema = z.strictObject({
  caFile: pemFile.describe("PEM file of the authorities to trust; without it, Node's own list."),
  certFile: pemFile.describe('PEM file of the client certificate, for mutual TLS.'),
  keyFile: pemFile.describe('PEM file of the private key of `certFile`.'),
  serverName: z
    .string()
    .min(1)
    .optional()
    .describe('The name to expect in the certificate, where it is not the host of the URL.'),
  insecureSkipVerify: z
    .boolean()
    .default(false)
    .describe('Accept any certificate. Anyone on the way can then read and change the traffic.'),
});

/** TLS as a collector receives it: contents, not paths. */
export interface TlsConfig {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: Secret;
  readonly serverName?: string;
  readonly insecureSkipVerify: boolean;
}

export function resolveTls(tls: z.output<typeof tlsSchema>, readFile: ReadFile): TlsConfig {
  return {
    ...(tls.caFile !== undefined && { ca: readFile(tls.caFile) }),
    ...(tls.certFile !== undefined && { cert: readFile(tls.certFile) }),
    ...(tls.keyFile !== undefined && { key: new Secret(readFile(tls.keyFile)) }),
    ...(tls.serverName !== undefined && { serverName: tls.serverName }),
    insecureSkipVerify: tls.insecureSkipVerify,
  };
}

/** Both halves of a client certificate, or neither. */
export function tlsRules(tls: RawFields, path: readonly string[], report: Report): void {
  for (const [given, missing] of [
    ['certFile', 'keyFile'],
    ['keyFile', 'certFile'],
  ] as const) {
    if (isGiven(tls[given]) && !isGiven(tls[missing])) {
      report([...path, given], `needs ${missing} beside it: a client certificate is a certificate with its key`);
    }
  }
}

export interface Credentials {
  readonly username?: string;
  readonly password?: Secret;
}

export interface CredentialFields {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly passwordFile?: string | undefined;
}

export function resolveCredentials(fields: CredentialFields, readFile: ReadFile): Credentials {
  const password = resolveSecret(fields.password, fields.passwordFile, readFile);
  return {
    ...(fields.username !== undefined && { username: fields.username }),
    ...(password !== undefined && { password }),
  };
}

/** A secret given in place or by a file, of which one trailing newline is not a part: editors and `echo` add it. */
export function resolveSecret(
  value: string | undefined,
  file: string | undefined,
  readFile: ReadFile,
): Secret | undefined {
  if (value !== undefined) return new Secret(value);
  if (file !== undefined) return new Secret(trimNewline(readFile(file)));
  return undefined;
}

export function trimNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

export function credentialRules(fields: RawFields, path: readonly string[], report: Report): void {
  const hasPassword = isGiven(fields['password']);
  const hasFile = isGiven(fields['passwordFile']);
  if (hasPassword && hasFile) report([...path, 'passwordFile'], 'is given beside password: give one of the two');
  if (isGiven(fields['username']) && !hasPassword && !hasFile) {
    report([...path, 'username'], 'needs a password or passwordFile beside it');
  }
}

export function isGiven(value: unknown): boolean {
  return value !== undefined;
}

export function isFields(value: unknown): value is RawFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
