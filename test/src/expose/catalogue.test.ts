/** The conventions that every metric of the catalogue keeps, and the reference made from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LABELS, metricEntries, metricReference } from '../../../src/expose/catalogue.ts';

test('names keep the Prometheus conventions', () => {
  for (const [name, { type, unit, help }] of metricEntries()) {
    assert.match(name, /^hotspot_[a-z_]+$/, name);
    assert.equal(name.endsWith('_total'), type === 'counter', `${name}: _total on counters only`);
    assert.match(help, /^[A-Z01].*\.$/s, `${name}: help is a sentence`);
    assert.doesNotMatch(name, /_(ms|millis|percent|count|sum|bucket|mb|kb)(_|$)/, name);
    const base = name.replace(/_total$/, '');
    for (const [word, ending] of [
      ['ratio', /_ratio$/],
      ['seconds', /_seconds$/],
      ['unix seconds', /_timestamp_seconds$/],
      ['bytes', /_bytes$/],
      ['cores', /_cores$/],
    ] as const) {
      if (unit === word) assert.match(base, ending, `${name} is in ${word}`);
    }
    if (unit.endsWith(' per second')) assert.match(base, /_per_second$/, name);
  }
});

test('every label is explained and used, and no metric has one twice', () => {
  const used = new Set<string>();
  for (const [name, { labels }] of metricEntries()) {
    assert.equal(new Set(labels).size, labels.length, name);
    for (const label of labels) used.add(label);
  }
  assert.deepEqual([...used].sort(), Object.keys(LABELS).sort());
});

test('the reference has a row for each metric and for each label', () => {
  const reference = metricReference();
  for (const [name] of metricEntries()) assert.ok(reference.includes(`| \`${name}\` |`), name);
  for (const label of Object.keys(LABELS)) assert.ok(reference.includes(`\n| \`${label}\` |`), label);
  const [header = '', rule = ''] = reference.split('\n');
  assert.equal(header.split('|').length, rule.split('|').length);
});
