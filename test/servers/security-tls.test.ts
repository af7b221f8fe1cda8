import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { AbsenceCode } from '../../src/model.ts';
import { runCommand } from '../../src/tour/command.ts';
import { freePort } from '../../src/tour/ports.ts';
import { type ServerConfig, startServer } from '../../src/tour/server.ts';
import type { ServerBinary } from '../../src/tour/serverCache.ts';
import { pollsOf, watchTargets } from './support/agent.ts';
import { redis70, serverOrSkip } from './support/binaries.ts';

interface Expected {
  readonly url: string;
  /** The section `tls`, in YAML. */
  readonly tls?: string;
  /** Missing where the target is to be read. */
  readonly code?: AbsenceCode | readonly AbsenceCode[];
  readonly reason?: RegExp;
  readonly remedy?: RegExp;
}

test('TLS: who trusts whom, and what is said when they do not', async (t) => {
  const binary = await serverOrSkip(t, redis70);
  if (binary === undefined) return;
  const pki = await certificatesOrSkip(t);
  if (pki === undefined) return;
  const warnings: string[] = [];
  const onWarning = ({ message }: Error) => warnings.push(message);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));

  const config = {
    'tls-cert-file': pki.path('server.crt'),
    'tls-key-file': pki.path('server.key'),
    'tls-ca-cert-file': pki.path('ca.crt'),
  };
  const oneWay = await startTls(t, binary, { ...config, 'tls-auth-clients': 'no' });
  const mutual = await startTls(t, binary, { ...config, 'tls-auth-clients': 'yes' });
  const client = 'certFile: client.crt, keyFile: client.key';
  const cases: Readonly<Record<string, Expected>> = {
    trusted: { url: oneWay.tlsUrl, tls: 'caFile: ca.crt' },
    byname: { url: oneWay.tlsUrl.replace('127.0.0.1', 'localhost'), tls: 'caFile: ca.crt' },
    renamed: { url: oneWay.tlsUrl, tls: 'caFile: ca.crt, serverName: cache.example' },
    unverified: { url: oneWay.tlsUrl, tls: 'insecureSkipVerify: true' },
    mutual: { url: mutual.tlsUrl, tls: `caFile: ca.crt, ${client}` },
    wrongauthority: {
      url: oneWay.tlsUrl,
      tls: 'caFile: other-ca.crt',
      code: 'tls',
      reason: /certificate/,
      remedy: /tls\.caFile/,
    },
    noauthority: { url: oneWay.tlsUrl, code: 'tls', reason: /certificate/, remedy: /tls\.caFile/ },
    wrongname: {
      url: oneWay.tlsUrl,
      tls: 'caFile: ca.crt, serverName: other.example',
      code: 'tls',
      reason: /other\.example/,
      remedy: /tls\.serverName/,
    },
    // Whether the alert or the reset that follows it is seen first is chance.
    plaintotls: { url: oneWay.tlsUrl.replace('rediss', 'redis'), code: ['tls', 'unreachable'], remedy: /rediss:/ },
    tlstoplain: { url: oneWay.plainUrl.replace('redis', 'rediss'), code: 'timeout', remedy: /redis:/ },
    nocertificate: {
      url: mutual.tlsUrl,
      tls: 'caFile: ca.crt',
      code: 'tls',
      reason: /^TLS: .*certificate required$/,
      remedy: /tls\.certFile/,
    },
    wrongcertificate: {
      url: mutual.tlsUrl,
      tls: 'caFile: ca.crt, certFile: other.crt, keyFile: other.key',
      code: 'tls',
      remedy: /tls\.certFile/,
    },
  };
  const lines = Object.entries(cases).map(
    ([name, { url, tls }]) =>
      `  - { name: ${name}, system: redis, urls: ['${url}'], probe: { enabled: false }${tls === undefined ? '' : `, tls: { ${tls} }`} }`,
  );
  const watched = watchTargets(t, lines.join('\n'), { files: pki.files });
  await watched.until('two polls of each', (_, all) => all.every(({ totals }) => pollsOf(totals) >= 2), {
    target: 'trusted',
  });
  const wrong: string[] = [];
  for (const [name, { code, reason, remedy }] of Object.entries(cases)) {
    const { outcome, error, absences } = watched.status(name);
    const said = `${name}: ${outcome} ${error?.code} "${error?.reason}" → ${absences[0]?.remedy}`;
    const asExpected =
      code === undefined
        ? outcome === 'ok'
        : error !== undefined &&
          [code].flat().includes(error.code) &&
          (reason === undefined || reason.test(error.reason)) &&
          (remedy === undefined || remedy.test(absences[0]?.remedy ?? ''));
    if (!asExpected) wrong.push(said);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(warnings, [], 'nothing of it makes Node warn');
  const key = pki.files['client.key'] ?? '';
  const keyLine = key.split('\n')[1] ?? '';
  assert.ok(keyLine.length > 20);
  assert.ok(!JSON.stringify([watched.agent.targets(), watched.failures]).includes(keyLine), 'no private key leaves');
});

async function startTls(t: TestContext, binary: ServerBinary, config: ServerConfig) {
  const tlsPort = await freePort();
  const server = await startServer(binary, { config: { 'tls-port': String(tlsPort), ...config } });
  t.after(() => server.stop());
  return { tlsUrl: `rediss://127.0.0.1:${tlsPort}`, plainUrl: server.nodes[0]?.url ?? '' };
}

/** Two authorities, a server that is 127.0.0.1, localhost and cache.example, a client of each authority. */
async function certificatesOrSkip(t: TestContext) {
  const dir = await mkdtemp(path.join(tmpdir(), 'hotspot-agent-tls-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const openssl = async (...args: string[]) => {
    const result = await runCommand('openssl', args, { cwd: dir, timeoutMs: 30_000 });
    if (result.code !== 0) throw new Error(`openssl ${args[0]}: ${result.failure ?? result.stderr}`);
  };
  const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = (name: string) =>
    openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
    );
  const signed = async (name: string, ca: string, names: string) => {
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`];
    await openssl('req', ...NEW_KEY, ...subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    const by = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-copy_extensions', 'copy'];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-days', '2', '-out', `${name}.crt`);
  };
  try {
    await authority('ca');
    await authority('other-ca');
    await signed('server', 'ca', 'IP:127.0.0.1,DNS:localhost,DNS:cache.example');
    await signed('client', 'ca', 'DNS:agent.example');
    await signed('other', 'other-ca', 'DNS:agent.example');
  } catch (error) {
    const { CI } = process.env;
    const reason = error instanceof Error ? error.message : String(error);
    if (CI === 'true') throw error;
    t.skip(`no certificates: ${reason}`);
    return undefined;
  }
  const names = ['ca.crt', 'other-ca.crt', 'client.crt', 'client.key', 'other.crt', 'other.key'];
  const contents = await Promise.all(names.map((name) => readFile(path.join(dir, name), 'utf8')));
  // The longest names first: "ca.crt" is the end of "other-ca.crt" too.
  const files = Object.fromEntries(
    names.map((name, i) => [name, contents[i] ?? ''] as const).toSorted(([a], [b]) => b.length - a.length),
  );
  return { path: (name: string) => path.join(dir, name), files };
}
