/** What the application does between two looks at INFO, with the agent's own commands taken off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandStats, parseInfo } from '../../../../collectors/redis/info.ts';
import { appRates } from '../../../../collectors/redis/probe/context.ts';
import { fixture, infoWith } from '../support.ts';

function stats(calls: Readonly<Record<string, number>>): ReadonlyMap<string, CommandStats> {
  return new Map(Object.entries(calls).map(([name, count]) => [name, { calls: count, usec: count }]));
}

test('calls, touches and what vanished, a second, without our own', () => {
  const before = infoWith({ serverTimeMs: 1000, keyspaceHits: 100, keysRemoved: 5, commands: stats({ get: 50 }) });
  const after = infoWith({
    serverTimeMs: 3000,
    keyspaceHits: 700,
    keysRemoved: 25,
    commands: stats({ get: 450, set: 100, del: 40, scan: 30, 'object|idletime': 200, info: 2 }),
  });
  const own = new Map([
    ['scan', 10],
    ['object|idletime', 200],
  ]);
  const rates = appRates(before, after, own, 9999);
  // 400 GET, 100 SET, 40 DEL and 20 SCAN that are not ours, in two seconds by the server's clock.
  assert.equal(rates?.callsPerSecond, 280);
  // 600 hits less 200 of our own, and 140 writes.
  assert.equal(rates?.touchesPerSecond, 270);
  assert.equal(rates?.vanishedPerSecond, 30);
});

test('the keys of other databases are told apart: a sweep does not see them', () => {
  const text = fixture('redis-7.0.15.standalone.info.txt').replace(/^db\d+:.*$/gm, '');
  const info = parseInfo(`${text}\ndb0:keys=7,expires=0,avg_ttl=0\ndb3:keys=5,expires=0,avg_ttl=0\n`);
  assert.deepEqual([info.keys, info.keysElsewhere], [12, 5]);
});
