/** Redaction: what a key looks like once it leaves. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { Secret } from '../../collectors/index.ts';
import type { KeysConfig } from '../../src/config.ts';
import { makeRedactor } from '../../src/redact.ts';

const hmac: KeysConfig = { show: 'hmac', secret: new Secret('s') };

test('plain leaves a key as it is, but nothing that could write a line or move a cursor', () => {
  const redact = makeRedactor({ show: 'plain' });
  for (const key of ['product:99', 'кино:лайки', 'user:{42}:😀', 'a\\nb', '']) assert.equal(redact(key), key);
  assert.equal(redact('a\nb\r\t\x00\x1b[2J\x7f\u0085'), 'a\\nb\\r\\t\\x00\\x1b[2J\\x7f\\x85');
  assert.equal(redact('a\u2028\u202eb\ud800'), 'a\\u2028\\u202eb\\ud800');
});

test('prefix leaves the first characters and hides whether there are more', () => {
  const redact = makeRedactor({ show: 'prefix', prefixLength: 4 });
  assert.equal(redact('product:99'), 'prod…');
  assert.equal(redact('prod'), 'prod…');
  assert.equal(redact('😀😀😀😀😀'), '😀😀😀😀…');
  assert.equal(redact('a\nbcd'), 'a\\nbc…');
});

test('hmac is the first 16 digits of HMAC-SHA256', () => {
  const expected = createHmac('sha256', 's').update('product:99').digest('hex').slice(0, 16);
  assert.equal(makeRedactor(hmac)('product:99'), `hmac:${expected}`);
  const other: KeysConfig = { show: 'hmac', secret: new Secret('t') };
  assert.notEqual(makeRedactor(other)('product:99'), makeRedactor(hmac)('product:99'));
});

test('every way is deterministic and gives one line of printable text', () => {
  const ways: readonly KeysConfig[] = [{ show: 'plain' }, { show: 'prefix', prefixLength: 3 }, hmac];
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...ways), (key, way) => {
      const shown = makeRedactor(way)(key);
      assert.equal(makeRedactor(way)(key), shown);
      assert.doesNotMatch(shown, /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u);
    }),
  );
});
