/** What `check --connect` claims: nothing that was not answered, of slots that the node owns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisTargetSchema, resolveRedisTarget } from '../../../collectors/redis/config.ts';
import { listEvidence } from '../../../collectors/redis/evidence.ts';
import type { NodeInfo } from '../../../collectors/redis/info.ts';
import type { CommandLine } from '../../../collectors/redis/node.ts';
import { Failure } from '../../../collectors/shared/failures.ts';
import type { Evidence } from '../../../src/model.ts';
import { AnsweringNode, infoWith } from './support.ts';

const VALKEY: Partial<NodeInfo> = { server: 'valkey', version: '9.2.0' };
const DENIED = new Failure('forbidden', 'NOPERM', { remedy: 'ACL SETUSER mon +x' });

interface Server {
  readonly info?: Partial<NodeInfo>;
  readonly probe?: Record<string, unknown>;
  readonly answer?: (line: string) => unknown;
}

/** A master of the slots 5461 to 10922, which tells of no other, as servers do. */
async function evidenceOf({ info = {}, probe = {}, answer = () => undefined }: Server) {
  const node = new AnsweringNode((line: CommandLine) => {
    const text = line.join(' ');
    const given = answer(text);
    if (given !== undefined) return given;
    if (text === 'CLUSTER SLOT-STATS SLOTSRANGE 5461 5461') return [[5461, ['key-count', 0, 'cpu-usec', 0]]];
    return [];
  });
  const target = redisTargetSchema.parse({ urls: ['redis://127.0.0.1'], probe });
  const list = await listEvidence(node, infoWith({ mode: 'cluster', ...info }), {
    config: resolveRedisTarget('t', target, () => ''),
    ranges: [[5461, 10_922]],
    signal: new AbortController().signal,
  });
  const named = (name: string): Evidence => {
    const found = list.find((evidence) => evidence.name === name);
    if (found === undefined) throw new Error(`no evidence is named ${name}`);
    return found;
  };
  return { named, asked: node.asked };
}

test('slots are asked for of the ranges of the master', async () => {
  const { named, asked } = await evidenceOf({});
  assert.equal(named('slot statistics').available, true);
  assert.ok(asked.includes('CLUSTER GETKEYSINSLOT 5461 1'));
});

test('slot statistics that are off, refused or of no slot are told apart', async () => {
  const when = async (reply: unknown) =>
    (await evidenceOf({ answer: (line) => (line.startsWith('CLUSTER SLOT-STATS') ? reply : undefined) })).named(
      'slot statistics',
    );
  const off = await when([[5461, ['key-count', 0]]]);
  assert.deepEqual([off.available, off.remedy], [false, 'CONFIG SET cluster-slot-stats-enabled yes']);
  const refused = await when(DENIED);
  assert.deepEqual([refused.available, refused.remedy], [false, 'ACL SETUSER mon +x']);
  const moved = await when([]);
  assert.deepEqual([moved.available, moved.remedy], [false, undefined]);
  assert.match(moved.reason, /owns no slot/);
});

test('HOTKEYS of Redis: that GET answers does not say that a session may be run', async () => {
  const { reason, available } = (await evidenceOf({})).named('HOTKEYS');
  assert.equal(available, true);
  assert.match(reason, /not verified: needs \+hotkeys\|start \+hotkeys\|stop \+hotkeys\|reset$/);
});

test('HOTKEYS of Valkey: switched off is told with the command that switches it on', async () => {
  const when = async (topK: unknown) =>
    (
      await evidenceOf({ info: VALKEY, answer: (line) => (line === 'CONFIG GET hotkeys-top-k' ? topK : undefined) })
    ).named('HOTKEYS');
  const off = await when(['hotkeys-top-k', '0']);
  assert.deepEqual([off.available, off.remedy], [false, 'CONFIG SET hotkeys-top-k 64']);
  const on = await when(['hotkeys-top-k', '16']);
  assert.deepEqual([on.available, on.reason], [true, 'available']);
  for (const untold of [DENIED, [], 'x', null]) {
    const unknown = await when(untold);
    assert.equal(unknown.available, true);
    assert.match(unknown.reason, /not verified: needs hotkeys-top-k above 0/);
  }
});

test('HOTKEYS that are not there, refused or switched off by us', async () => {
  const answering = (failure: Failure) => (line: string) => (line === 'HOTKEYS GET' ? failure : undefined);
  const old = await evidenceOf({ answer: answering(new Failure('unsupported', 'ERR unknown command')) });
  assert.match(old.named('HOTKEYS').reason, /has none: Redis 8\.6 or Valkey 9\.2/);
  const denied = await evidenceOf({ answer: answering(DENIED) });
  assert.equal(denied.named('HOTKEYS').remedy, 'ACL SETUSER mon +x');
  const off = await evidenceOf({ probe: { hotkeys: false } });
  assert.deepEqual(
    [off.named('HOTKEYS').available, off.named('HOTKEYS').remedy],
    [false, 'probe.hotkeys: true of the target'],
  );
});

test('a MONITOR burst that is switched on is not verified', async () => {
  const { available, reason } = (await evidenceOf({ probe: { monitor: true } })).named('MONITOR burst');
  assert.equal(available, true);
  assert.match(reason, /not verified: needs \+monitor$/);
  assert.equal((await evidenceOf({})).named('MONITOR burst').available, false);
});
