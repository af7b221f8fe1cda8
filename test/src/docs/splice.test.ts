import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driftedBlocks, MarkerError, splice } from '../../../src/docs/splice.ts';

const BLOCKS = { first: () => 'made one\n', second: () => 'made two' };
const DOCUMENT = [
  'before',
  '<!-- made: first -->',
  'old',
  '<!-- end: first -->',
  'between',
  '<!-- made: second -->',
  '<!-- end: second -->',
  'after',
].join('\n');

test('each block stands between its markers, and the rest is as it was', () => {
  const text = splice(DOCUMENT, BLOCKS);
  assert.equal(
    text,
    'before\n<!-- made: first -->\n\nmade one\n\n<!-- end: first -->\nbetween\n' +
      '<!-- made: second -->\n\nmade two\n\n<!-- end: second -->\nafter',
  );
});

test('a document that was just made has no drift; one that was edited has, by name', () => {
  const made = splice(DOCUMENT, BLOCKS);
  assert.deepEqual(driftedBlocks(DOCUMENT, BLOCKS), ['first', 'second']);
  assert.deepEqual(driftedBlocks(made, BLOCKS), []);
  assert.deepEqual(driftedBlocks(made.replace('made two', 'edited'), BLOCKS), ['second']);
  assert.equal(splice(made, BLOCKS), made);
});

test('a replacement pattern in made text is text', () => {
  const text = splice(DOCUMENT, { ...BLOCKS, first: () => "$& $' $1" });
  assert.ok(text.includes("\n$& $' $1\n"));
});

const BROKEN: readonly (readonly [what: string, document: string, message: RegExp])[] = [
  ['a marker is missing', DOCUMENT.replace('<!-- end: first -->', ''), /end: first --> is missing/],
  ['a marker is there twice', `${DOCUMENT}\n<!-- made: first -->`, /made: first --> is there twice/],
  ['nothing makes the block', `${DOCUMENT}\n<!-- made: third -->`, /nothing makes "third".*first, second/],
  [
    'the end comes first',
    DOCUMENT.replace('made: first', 'x').replace('end: first', 'made: first').replace('<!-- x', '<!-- end: first'),
    /"first" stands before/,
  ],
];
for (const [what, document, message] of BROKEN) {
  test(`refused where ${what}`, () => {
    assert.throws(
      () => splice(document, BLOCKS),
      (error) => error instanceof MarkerError && message.test(error.message),
    );
  });
}
