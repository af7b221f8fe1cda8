import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Background, type LoadMix, mixSampler, preparation } from '../../../src/tour/mix.ts';
import { seededRandom } from '../../../src/tour/random.ts';
import { STORY } from '../../../src/tour/story.ts';

const background: Background = { kind: 'background', keys: 100, exponent: 1, readRatio: 0.8, valueBytes: 10 };

function commandOf(part: LoadMix): readonly string[] {
  return mixSampler([part], seededRandom(1))().args;
}

test('hot parts get their shares and the background what is left', () => {
  const mix: LoadMix[] = [
    background,
    { kind: 'read', key: 'a', share: 0.5 },
    { kind: 'increment', key: 'b', share: 0.2 },
  ];
  const draw = mixSampler(mix, seededRandom(1));
  const counts = new Map<string, number>();
  for (let i = 0; i < 100_000; i++) {
    const { part } = draw();
    const name = part.kind === 'background' ? 'background' : part.key;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [name, share] of [
    ['a', 0.5],
    ['b', 0.2],
    ['background', 0.3],
  ] as const) {
    assert.ok(Math.abs((counts.get(name) ?? 0) / 100_000 - share) < 0.01, `${name}: ${counts.get(name)}`);
  }
});

test('each kind of part sends its own command', () => {
  assert.deepEqual(commandOf({ kind: 'read', key: 'k', share: 1 }), ['get', 'k']);
  assert.deepEqual(commandOf({ kind: 'read', key: 'k', share: 1, listLength: 9 }), ['lpos', 'k', 'none']);
  assert.deepEqual(commandOf({ kind: 'increment', key: 'k', share: 1 }), ['incr', 'k']);
  assert.deepEqual(commandOf({ kind: 'write', key: 'k', share: 1, valueBytes: 3 }), ['set', 'k', 'xxx']);
});

test('a searched list is prepared with its length, and no entry is the one searched for', () => {
  const [clear, fill]: readonly (readonly string[])[] = preparation({
    kind: 'read',
    key: 'k',
    share: 1,
    listLength: 9,
  });
  assert.deepEqual(clear, ['del', 'k']);
  assert.ok(fill !== undefined);
  assert.equal(fill.length, 2 + 9);
  assert.ok(!fill.includes('none'));
});

test('a mix that cannot be is refused with the reason', () => {
  const refused: [LoadMix[], RegExp][] = [
    [
      [
        { kind: 'read', key: 'a', share: 0.7 },
        { kind: 'read', key: 'b', share: 0.7 },
      ],
      /add up to 1.4/,
    ],
    [[{ kind: 'read', key: 'a', share: 0.7 }], /without a background/],
    [[background, background], /2 backgrounds/],
    [[background, { kind: 'read', key: 'a', share: 0 }], /the share of a is 0/],
    [[{ ...background, keys: 0 }], /at least 1/],
  ];
  for (const [mix, reason] of refused) assert.throws(() => mixSampler(mix, seededRandom(1)), reason);
});

test('every chapter of the story can be drawn, and hot ones alternate with quiet ones', () => {
  for (const [i, { mix, lasts }] of STORY.entries()) {
    assert.ok(mixSampler(mix, seededRandom(1))().key.length > 0);
    assert.equal(lasts, i % 2 === 0 ? 'quiet' : 'hot');
  }
});
