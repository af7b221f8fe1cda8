import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignTables } from '../../../src/docs/align.ts';

test('cells are padded to the width of their column, dashes too, and the rest is left alone', () => {
  const before = ['# a | b |', '', '| name | x |', '| --- | --- |', '| `a\\|b` | × |', '| c |  |', '', 'end'].join(
    '\n',
  );
  assert.equal(
    alignTables(before),
    ['# a | b |', '', '| name   | x   |', '| ------ | --- |', '| `a\\|b` | ×   |', '| c      |     |', '', 'end'].join(
      '\n',
    ),
  );
});

test('what is aligned stays as it is', () => {
  const aligned = alignTables('| a | long one |\n| --- | --- |\n| b | c |');
  assert.equal(alignTables(aligned), aligned);
});
