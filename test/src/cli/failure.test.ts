import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../../collectors/index.ts';
import { wordsOf } from '../../../src/cli/failure.ts';

test('only a failure of ours has a remedy', () => {
  assert.deepEqual(wordsOf(new Failure('busy', 'it runs a script', { remedy: 'SCRIPT KILL' })), {
    reason: 'it runs a script',
    remedy: 'SCRIPT KILL',
  });
  assert.deepEqual(wordsOf(Object.assign(new Error('no'), { remedy: 'foreign' })), { reason: 'no' });
  assert.deepEqual(wordsOf('text'), { reason: 'text' });
});
