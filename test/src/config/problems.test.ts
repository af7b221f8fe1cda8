/** What is said of mistakes, and that no secret is said with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { formatProblems } from '../../../src/config.ts';
import { bad, lines, load, MINIMAL } from './support.ts';

const SECRET = 'hunter2-Zq';

test('every mistake is reported at once, in the order of the file, with its path, line, what is allowed and what was meant', () => {
  const text = `listen: { port: "9464s", hots: 1 }
pol: { intervalMs: 3 }
log: { level: inf }
poll:
  intervalMs: 10s
  deadline_ms: 5
detect: { openSkew: 0.2, resolveSkew: 0.5 }
keys: { show: hmac }
expose:
targets:
  - name: a b
    system: redis
    urls: [redis://h:1, "http://h", 5]
    mode: sentinal
    detect: { suspectSkew: 0.9 }
  - name: c
    system: reddis
  - name: c
    system: redis
    username: x
`;
  const expected = [
    '1:17 listen.port: is text ("9464s"); allowed: a whole number from 0 to 65535',
    '1:26 listen.hots: unknown key; did you mean "host"? allowed: host, port',
    '2:1 pol: unknown key; did you mean "poll"? allowed: listen, log, poll, detect, keys, expose, targets',
    '3:15 log.level: is text ("inf"); did you mean "info"? allowed: trace, debug, info, warn, error, silent',
    '5:15 poll.intervalMs: is text ("10s"); allowed: a whole number from 100 to 3600000',
    '6:3 poll.deadline_ms: unknown key; did you mean "deadlineMs"? allowed: intervalMs, confirmIntervalMs, deadlineMs, maxBackoffMs',
    '7:26 detect.resolveSkew: is 0.5, which has to be below openSkew (0.2): a hotspot would open and resolve at once',
    '8:9 keys.show: is hmac, which needs keys.secret or keys.secretFile',
    '9:8 expose: is empty; allowed: a section with topPeers, topKeys',
    '11:11 targets[0].name: has to be made of letters, digits, _ . and - only: it becomes a label',
    '13:25 targets[0].urls[1]: has a scheme that is not redis:// or rediss://; allowed: redis://host:6379',
    '13:37 targets[0].urls[2]: is a number: put it in quotes; allowed: redis://host:6379',
    '14:11 targets[0].mode: is text ("sentinal"); did you mean "sentinel"? allowed: auto, standalone, cluster, sentinel',
    '15:5 targets[0].detect.resolveSkew: is 0.5, which has to be below openSkew (0.2): a hotspot would open and resolve at once',
    '15:15 targets[0].detect.suspectSkew: is 0.9, which has to be at most openSkew (0.2): a hotspot is suspected before it opens',
    '17:13 targets[1].system: is not a system that can be watched; did you mean "redis"? allowed: redis',
    '18:5 targets[2].name: is the name of targets[1] too: give each target its own',
    '18:5 targets[2].urls: is missing; allowed: a list of at least one',
    '20:5 targets[2].username: needs a password or passwordFile beside it',
  ];
  assert.deepEqual(lines(text).toSorted(), expected.map((line) => `hotspot.yaml:${line}`).toSorted());
  const places = bad(text).map(({ line }) => line ?? 0);
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test('a list, a text or nothing where the file should be a section', () => {
  assert.match(lines('- a')[0] ?? '', /^hotspot.yaml:1:1: is a list; allowed: a section with listen, log/);
  assert.match(lines('hello')[0] ?? '', /^hotspot.yaml:1:1: is text; allowed/);
  const hint =
    'targets: is missing: name at least one target to watch, or set HOTSPOT_REDIS_URL; allowed: a list of at least one';
  for (const text of [undefined, '', '# only a comment']) assert.ok(lines(text)[0]?.endsWith(hint), String(text));
});

test('YAML that cannot be read is reported with its line, in words that do not quote it', () => {
  const cases: readonly (readonly [yaml: string, expected: RegExp])[] = [
    ['log: {}\npoll: "10', /^hotspot.yaml:2:\d+: something is missing here: a closing quote/],
    ['a: 1\n---\nb: 2', /^hotspot.yaml:2:1: a second document begins here/],
    ['poll:\n\tintervalMs: 1', /^hotspot.yaml:2:1: a tab indents this line/],
    ['a: @x', /^hotspot.yaml:1:4: a value cannot begin with @/],
    ['a: *x', /^hotspot.yaml:1:4: an alias \(\*name\) without its anchor/],
    ['a: !x y', /^hotspot.yaml:1:4: a value that begins with ! is a tag/],
    ['? [a]\n: b', /^hotspot.yaml:1:3: a key has to be text/],
  ];
  for (const [yaml, expected] of cases) assert.match(lines(yaml)[0] ?? '', expected, yaml);
});

test('a key given twice is reported beside all other mistakes', () => {
  const found = lines(`poll: { intervalMs: 1000, intervalMs: 2000, x: 1 }\n${MINIMAL}`);
  assert.deepEqual(found, [
    'hotspot.yaml:1:27 poll.intervalMs: is given twice in this section: remove one',
    'hotspot.yaml:1:45 poll.x: unknown key; allowed: intervalMs, confirmIntervalMs, deadlineMs, maxBackoffMs',
  ]);
});

function target(fields: string): string {
  return `targets: [{ name: a, system: redis, urls: [redis://h], ${fields} }]`;
}

test('a secret shows in no problem, no JSON and no inspection, wherever it is put', () => {
  const texts = [
    target(`password: ${SECRET}`),
    target(`password: ${SECRET}, passwordFile: ${SECRET}`),
    target(`passwordFile: ${SECRET}`),
    target(`password: { x: [${SECRET}] }`),
    target(`password: [${SECRET}]`),
    target(`{password:${SECRET}}: 1`),
    target(`password:${SECRET}`),
    target(`password: *${SECRET}`),
    target(`password: !${SECRET} x`),
    target(`password: &${SECRET}`),
    target(`password: "${SECRET}\\q"`),
    target(`password: "${SECRET}`),
    target(`password: ${SECRET}}}`),
    target(`password: |${SECRET}`),
    `targets:\n  - name: a\n    password: |${SECRET}\n      x\n`,
    `targets:\n  - name: a\n    password:${SECRET}\n    system: redis\n`,
    `targets: redis://:${SECRET}@h`,
    `targets: [ "redis://:${SECRET}@h" ]`,
    `redis://:${SECRET}@h`,
    `? redis://:${SECRET}@h\n: 1`,
    target(`mode: "redis://:${SECRET}@h"`),
    target(`sentinel: "redis://:${SECRET}@h"`),
    target(`limits: { cpuCores: "redis://:${SECRET}@h" }`),
    target(`mode: sentinel, sentinel: { name: m, password: ${SECRET}, passwordFile: x }`),
    ...[
      'redis://u:S@h',
      'redis://:S@',
      'redis://:S#@h',
      'redis://:S/@h',
      'redis://:S?@h',
      'redis://u:S@h:99999',
      'redis://%:S@h',
      'http://u:S@h',
      'S',
      'redis://S@h',
      'redis://u:S@h/x',
    ].map((url) => `targets: [{ name: a, system: redis, urls: ["${url.replace('S', SECRET)}"] }]`),
    `keys: { show: hmac, secret: ${SECRET} }\n${MINIMAL}`,
    `keys: { show: hmac, secret: ${SECRET}, secretFile: ${SECRET} }\n${MINIMAL}`,
    `keys: ${SECRET}\n${MINIMAL}`,
  ];
  const envs = [
    { HOTSPOT_REDIS_URL: `redis://:${SECRET}@h,http://:${SECRET}@h,${SECRET}` },
    { HOTSPOT_REDIS_PASSWORD: SECRET },
    { HOTSPOT_REDIS_PASSWORD_FILE: SECRET },
    { HOTSPOT_KEYS_SECRET: SECRET, HOTSPOT_KEYS_SHOW: `redis://:${SECRET}@h` },
    { HOTSPOT_REDIS_PASWORD: SECRET },
  ];
  const results = [
    ...texts.map((text) => [text, load(text)] as const),
    ...texts.map((text) => [text, load(text, { files: { [`conf/${SECRET}`]: SECRET, 'conf/x': SECRET } })] as const),
    ...envs.map((env) => [JSON.stringify(env), load(undefined, { env })] as const),
    ...envs.map((env) => [JSON.stringify(env), load(MINIMAL, { env })] as const),
  ];
  for (const [input, result] of results) {
    const shown = [
      JSON.stringify(result),
      inspect(result, { depth: 20, showHidden: true }),
      result.ok ? inspect(result.config, { customInspect: false, depth: 20 }) : formatProblems(result.problems, 'f'),
    ];
    for (const text of shown) assert.ok(!text.includes(SECRET), `${input}\n→ ${text}`);
  }
  assert.ok(results.some(([, result]) => result.ok) && results.some(([, result]) => !result.ok));
});

test('nothing that can be written makes it throw', () => {
  const words = [
    'targets',
    'name',
    'redis',
    'system',
    'urls',
    '- ',
    ': ',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    '"',
    '*a',
    '&a ',
    '!!map ',
    '<<',
    '__proto__',
    'constructor',
    'null',
    '1e400',
    '.nan',
    'redis://h',
    '? ',
    '|',
    '%',
  ];
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 4 })), { maxLength: 30 }),
      (parts) => {
        const result = load(parts.join(''));
        assert.ok(result.ok || (result.problems.length > 0 && formatProblems(result.problems, 'f') !== ''));
      },
    ),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('poll', 'keys', 'targets', 'log'), (value, section) => {
      const result = load(
        JSON.stringify({
          targets: [value, { name: 'a', system: 'redis', urls: value, tls: value, sentinel: value, detect: value }],
          [section]: value,
        }),
      );
      assert.equal(result.ok, false);
    }),
    { numRuns: 500 },
  );
});
