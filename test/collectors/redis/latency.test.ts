/** LATENCY HISTOGRAM of real servers, and quantiles of its buckets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLatencyHistogram, quantile } from '../../../collectors/redis/latency.ts';
import { failureFrom, replies, SERVERS } from './support.ts';

const NONE: ReadonlySet<string> = new Set();

function total(buckets: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const count of buckets.values()) sum += count;
  return sum;
}

test('the counts of all commands add up, whatever their buckets', () => {
  for (const name of SERVERS) {
    const reply = replies(name)['latencyHistogram'] as unknown[];
    let calls = 0;
    for (const detail of reply) if (Array.isArray(detail)) calls += Number(detail[1]);
    assert.ok(calls > 3000, name);
    assert.equal(total(parseLatencyHistogram(reply, NONE)), calls, name);
  }
});

test('buckets are not cumulative, and ours are left out', () => {
  const reply = [
    'get',
    ['calls', 10, 'histogram_usec', [1, 4, 2, 9, 66, 10]],
    'INFO',
    ['calls', 1, 'histogram_usec', [528, 1]],
  ];
  assert.deepEqual(
    [...parseLatencyHistogram(reply, new Set(['info']))],
    [
      [1, 4],
      [2, 5],
      [66, 1],
    ],
  );
  assert.equal(total(parseLatencyHistogram(reply, NONE)), 11);
  assert.equal(parseLatencyHistogram([], NONE).size, 0);
});

test('a quantile is the upper bound of its bucket, in seconds', () => {
  const counts = new Map([
    [66, 1],
    [1, 50],
    [2, 49],
  ]);
  assert.equal(quantile(counts, 0.5), 1e-6);
  assert.equal(quantile(counts, 0.99), 2e-6);
  assert.equal(quantile(counts, 1), 66e-6);
  assert.equal(quantile(new Map([[1, 0]]), 0.99), undefined);
  assert.equal(quantile(new Map(), 0.99), undefined);
});

test('what is no histogram is garbage', () => {
  const cases: unknown[] = [
    null,
    'x',
    {},
    ['get'],
    [7, []],
    ['get', null],
    ['get', [[1, 2]]],
    ['get', ['histogram_usec']],
    ['get', ['histogram_usec', [1]]],
    ['get', ['histogram_usec', [1, 5, 2, 4]]],
    ['get', ['histogram_usec', [-1, 5]]],
    ['get', ['histogram_usec', [1, Number.NaN]]],
    ['get', ['histogram_usec', [1, 1e300]]],
    ['get', ['histogram_usec', [1, null]]],
    ['get', ['histogram_usec', ['1', '2']]],
  ];
  for (const reply of cases) {
    assert.equal(failureFrom(() => parseLatencyHistogram(reply, NONE)).code, 'garbage', JSON.stringify(reply));
  }
});
