/** The thresholds that the tests of the core use are those of the configuration. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rootSchema } from '../../../src/config/schema.ts';
import { DEFAULTS } from '../../support/readings.ts';

test('the tests of the core use the default thresholds', () => {
  assert.deepEqual(rootSchema.shape.detect.parse(undefined), DEFAULTS);
});
