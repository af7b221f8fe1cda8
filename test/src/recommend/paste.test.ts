/** The lines to paste are Python that runs, names the keys that the plan states, and keeps redacted keys to itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import * as z from 'zod';
import type { AccessMix, Recommendation } from '../../../src/model.ts';
import { numberedKey } from '../../../src/recommend/slots.ts';
import { makeRedactor } from '../../../src/redact.ts';
import { callsOf, factsOf, hotKey, numbersOf, recommendFor } from '../../support/cases.ts';
import { evenCluster } from '../../support/readings.ts';

const MIXES: readonly AccessMix[] = [
  { reads: 1, writes: 0, increments: 0 },
  { reads: 0, writes: 1, increments: 0 },
  { reads: 0, writes: 0, increments: 1 },
];
const plain = makeRedactor({ show: 'plain' });

/** Every recommendation for a key, whatever it is used for. */
function allFor(key: string, show: (key: string) => string): Recommendation[] {
  const nodes = callsOf({ a: 20_000, b: 5000, c: 5000 });
  return MIXES.flatMap((mix) =>
    recommendFor(factsOf(nodes, evenCluster(3, 20), [hotKey({ key, share: 0.75, mix })]), show),
  );
}

// Runs each snippet with stand-ins for what the reader has, and tells which keys it touched.
const RUNNER = `
import json, random, sys
class Redis:
    def __init__(self): self.keys = set()
    def set(self, key, value, ex=None): self.keys.add(key)
    def get(self, key): self.keys.add(key); return "1"
    def incrby(self, key, count): self.keys.add(key)
class TTLCache(dict):
    def __init__(self, maxsize, ttl): pass
touched = []
for snippet in json.load(sys.stdin):
    redis = Redis()
    scope = dict(redis=redis, random=random, TTLCache=TTLCache, value="v", ttl=60, pending=0,
                 take=lambda n: n, every=lambda seconds, task: task())
    exec(compile(snippet, "<lines to paste>", "exec"), scope)
    touched.append(sorted(redis.keys))
json.dump(touched, sys.stdout)
`;

function runPython(snippets: readonly string[]): string[][] | undefined {
  const { error, status, stdout, stderr } = spawnSync('python3', ['-c', RUNNER], {
    input: JSON.stringify(snippets),
    encoding: 'utf8',
    env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
  });
  if (error !== undefined) return undefined;
  assert.equal(status, 0, stderr);
  return z.array(z.array(z.string())).parse(JSON.parse(stdout));
}

test('the lines run and touch the keys that the plan states', (t) => {
  const keys = [
    'product:99',
    '{US}:likes',
    'a{}{b}',
    'say "hi"',
    "it's",
    'back\\slash',
    '"); import os; os.abort() #',
    '%s %d {0} #{y}',
    'кино:😀',
    "'''",
  ];
  const planned = keys.flatMap((key) => allFor(key, plain).map((recommendation) => ({ key, recommendation })));
  const touched = runPython(planned.map(({ recommendation }) => recommendation.apply));
  if (touched === undefined) {
    t.skip('python3 is not on PATH');
    return;
  }
  assert.equal(new Set(planned.map(({ recommendation }) => recommendation.mitigation)).size, 4);
  for (const [i, { key, recommendation }] of planned.entries()) {
    const { mitigation, parameters } = recommendation;
    if (mitigation === 'key_replication' || mitigation === 'sharded_counter') {
      const { before, after } = numberedKey(key);
      const names = numbersOf(parameters['suffixes']).map((suffix) => `${before}${suffix}${after}`);
      assert.deepEqual(touched[i], names.sort(), recommendation.apply);
    } else if (mitigation === 'write_coalescing') {
      assert.deepEqual(touched[i], [key], recommendation.apply);
    } else {
      assert.deepEqual(touched[i], [], 'a definition, which touches nothing until it is called');
    }
  }
});

test('no key, however hostile, breaks the lines out of their strings', (t) => {
  const keys = fc.sample(fc.string({ unit: 'binary', maxLength: 20 }), { numRuns: 300, seed: 3 });
  keys.push('\n', '\r\nimport os', '\0', '\u2028', '\f', '\x7f', '\\', '\\"', '\ud800');
  for (const show of [plain, (key: string) => key]) {
    const touched = runPython(keys.flatMap((key) => allFor(key, show).map(({ apply }) => apply)));
    if (touched === undefined) {
      t.skip('python3 is not on PATH');
      return;
    }
    assert.ok(touched.length > 4 * 300);
  }
});

test('a redacted key appears in no output: not its name, not its hash tag, not a part of either', () => {
  const key = 'tenant-acme:{user-4711}:session-token';
  for (const show of [() => 'hmac:0123456789abcdef', makeRedactor({ show: 'prefix', prefixLength: 2 })]) {
    const recommendations = allFor(key, show);
    assert.equal(recommendations.length, 5);
    assert.doesNotMatch(JSON.stringify(recommendations), /acme|user|4711|session|token|tenant/);
    for (const { apply } of recommendations) assert.ok(apply.includes(show(key)));
  }
});
