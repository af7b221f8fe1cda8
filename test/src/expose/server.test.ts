/** Every route over real HTTP: answers, refusals, headers, and that neither a secret nor a stack ever comes out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Metrics } from '../../../src/expose/metrics.ts';
import { escapeHtml } from '../../../src/expose/page.ts';
import { ask, start } from './http.ts';
import { DOWN, FINDING, HOSTILE_KEY, NEW, SHOP, sampleView } from './sample-view.ts';

const SECRET = 'planted-s3cret';
const ROUTES = [
  '/',
  '/metrics',
  '/healthz',
  '/readyz',
  '/api/v1/findings',
  '/api/v1/targets',
  '/api/v1/hotspots/a1b2c3d4',
];

test('/metrics answers in the format asked for', async (t) => {
  const url = await start(t, sampleView());
  const plain = await ask(`${url}/metrics`);
  assert.equal(plain.status, 200);
  assert.equal(plain.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.match(plain.text, /^hotspot_target_up\{target="shop",system="redis"\} 1$/m);
  const open = await ask(`${url}/metrics`, { headers: { accept: 'application/openmetrics-text; version=1.0.0' } });
  assert.equal(open.headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  assert.ok(open.text.endsWith('# EOF\n'));
});

test('/healthz is 200 also while /readyz is 503 with the reason', async (t) => {
  const view = sampleView([NEW]);
  view.readiness = { ready: false, reason: 'target "new" was not polled yet' };
  const url = await start(t, view);
  assert.equal((await ask(`${url}/healthz`)).status, 200);
  const waiting = await ask(`${url}/readyz`);
  assert.equal(waiting.status, 503);
  assert.deepEqual(JSON.parse(waiting.text), {
    error: { code: 'not_ready', message: 'target "new" was not polled yet' },
  });
  view.readiness = { ready: true, reason: 'every target was polled' };
  const ready = await ask(`${url}/readyz`);
  assert.equal(ready.status, 200);
  assert.deepEqual(JSON.parse(ready.text), { status: 'ready', reason: 'every target was polled' });
});

test('/api/v1/findings gives whole findings and filters them', async (t) => {
  const url = await start(t, sampleView());
  const all = JSON.parse((await ask(`${url}/api/v1/findings`)).text);
  assert.equal(all.length, 3);
  assert.deepEqual(all[0], FINDING);
  for (const [query, ids] of [
    ['?state=open', ['a1b2c3d4']],
    ['?state=open&state=resolved', ['a1b2c3d4', '0789']],
    ['?severity=warning&state=resolved', ['0789']],
    ['?target=shop&severity=info', ['e5f6']],
    ['?target=orders', []],
  ] as const) {
    const found = JSON.parse((await ask(`${url}/api/v1/findings${query}`)).text);
    assert.deepEqual(
      found.map(({ id }: { id: string }) => id),
      ids,
      query,
    );
  }
});

test('/api/v1/findings refuses what it does not know and says what is allowed', async (t) => {
  const url = await start(t, sampleView());
  for (const [query, message, allowed] of [
    ['?state=hot', 'unknown state "hot"', ['suspected', 'open', 'resolved']],
    ['?severity=', 'unknown severity ""', ['info', 'warning', 'critical']],
    ['?target=shop&target=nope', 'unknown target "nope"', ['shop', 'orders', 'new']],
    ['?stat=open', 'unknown query parameter "stat"', ['target', 'state', 'severity']],
    ['?__proto__=1', 'unknown query parameter "__proto__"', ['target', 'state', 'severity']],
    ['?state[a]=open', 'unknown query parameter "state[a]"', ['target', 'state', 'severity']],
  ] as const) {
    const { status, text } = await ask(`${url}/api/v1/findings${query}`);
    assert.equal(status, 400, query);
    assert.deepEqual(JSON.parse(text), { error: { code: 'bad_request', message, allowed } });
  }
});

test('/api/v1/hotspots/:id gives one finding, or a 404 with the ids there are', async (t) => {
  const url = await start(t, sampleView());
  assert.deepEqual(JSON.parse((await ask(`${url}/api/v1/hotspots/a1b2c3d4`)).text), FINDING);
  const missing = await ask(`${url}/api/v1/hotspots/zzz`);
  assert.equal(missing.status, 404);
  assert.match(missing.headers.get('content-type') ?? '', /^application\/json/);
  const { error } = JSON.parse(missing.text);
  assert.match(error.message, /"zzz"/);
  assert.deepEqual(error.allowed, ['a1b2c3d4', 'e5f6', '0789']);
});

test('/api/v1/targets says how each target is', async (t) => {
  const url = await start(t, sampleView());
  const [shop, orders, fresh] = JSON.parse((await ask(`${url}/api/v1/targets`)).text);
  assert.equal(shop.outcome, 'partial');
  assert.deepEqual(shop.signals[0], {
    scope: 'masters',
    resource: 'calls',
    unit: 'calls',
    kind: 'count',
    skew: 0.625,
    pressure: 0.75,
    peers: 3,
    absent: 1,
    hottest: '10.0.0.1:6379',
  });
  assert.equal(shop.absences[1].remedy, 'CONFIG SET …');
  assert.equal(shop.totals.polls.ok, 7);
  assert.deepEqual(orders.error, DOWN.error);
  assert.ok(!('outcome' in fresh) && !('lastPoll' in fresh));
});

test('the landing page links the routes, shows targets and hotspots, and escapes everything', async (t) => {
  const hostile = `<img src=x onerror="alert('1')">`;
  const view = sampleView([
    {
      ...SHOP,
      target: hostile,
      findings: [
        {
          ...FINDING,
          id: hostile,
          target: hostile,
          peer: hostile,
          scope: hostile,
          keys: [{ key: HOSTILE_KEY, low: 0, high: 0.1, evidence: hostile }],
          cause: { ...FINDING.cause, statement: hostile },
        },
      ],
    },
    DOWN,
  ]);
  view.readiness = { ready: false, reason: hostile };
  const url = await start(t, view);
  const { status, headers, text } = await ask(url);
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'text/html; charset=utf-8');
  assert.doesNotMatch(text, /<script|<img|<b>/i);
  assert.ok(text.includes(escapeHtml(HOSTILE_KEY)));
  assert.ok(text.includes('unauthenticated, WRONGPASS &lt;b&gt;no'));
  for (const route of ['/metrics', '/api/v1/findings', '/api/v1/targets', '/readyz', '/healthz']) {
    assert.ok(text.includes(`href="${route}"`), route);
  }
  // Every attribute value is closed where it should be: nothing but known attributes is left over.
  const tags = text.match(/<[a-z][^>]*>/g) ?? [];
  for (const tag of tags)
    assert.match(tag, /^<[a-z][a-z0-9]*( (href|class|lang|charset|name|content)="[^"<>]*")*>$/, tag);
});

test('the link of a hotspot with an odd id leads to it', async (t) => {
  const id = `a/b?c#d"e<%`;
  const url = await start(t, sampleView([{ ...SHOP, findings: [{ ...FINDING, id }] }]));
  const href = /href="(\/api\/v1\/hotspots\/[^"]*)"/.exec((await ask(url)).text)?.[1];
  assert.equal(JSON.parse((await ask(`${url}${href}`)).text).id, id);
});

test('every answer carries the security headers and none says what serves it', async (t) => {
  const url = await start(t, sampleView());
  for (const route of [...ROUTES, '/nothing']) {
    const { headers } = await ask(`${url}${route}`);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', route);
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, route);
    assert.equal(headers.get('cache-control'), 'no-store', route);
    assert.equal(headers.get('x-powered-by'), null, route);
  }
});

test('only GET and HEAD are allowed, on known and unknown routes', async (t) => {
  const url = await start(t, sampleView());
  for (const route of ROUTES) {
    const head = await ask(`${url}${route}`, { method: 'HEAD' });
    assert.equal(head.status, 200, route);
    assert.equal(head.text, '');
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const { status, headers, text } = await ask(`${url}/nothing`, { method });
    assert.equal(status, 405, method);
    assert.equal(headers.get('allow'), 'GET, HEAD');
    assert.equal(JSON.parse(text).error.code, 'method_not_allowed');
  }
});

test('an unknown route is a 404 that lists the routes; a malformed one is a 400', async (t) => {
  const url = await start(t, sampleView());
  const missing = await ask(`${url}/metric`);
  assert.equal(missing.status, 404);
  assert.ok(JSON.parse(missing.text).error.allowed.includes('/metrics'));
  const malformed = await ask(`${url}/api/v1/hotspots/%E0%A4%A`);
  assert.equal(malformed.status, 400);
  assert.equal(JSON.parse(malformed.text).error.code, 'bad_request');
});

test('a defect is a 500 without a stack, and is reported', async (t) => {
  const reported: unknown[] = [];
  const metrics: Metrics = {
    contentType: () => 'text/plain',
    render: () => Promise.reject(new Error(SECRET)),
  };
  const url = await start(t, sampleView(), { metrics, onError: (error) => reported.push(error) });
  const { status, text } = await ask(`${url}/metrics`);
  assert.equal(status, 500);
  assert.deepEqual(JSON.parse(text), {
    error: { code: 'internal', message: 'internal error; the log of the agent says more' },
  });
  assert.deepEqual(
    reported.map((error) => (error as Error).message),
    [SECRET],
  );
});

test('nothing beyond the known fields of a target comes out', async (t) => {
  const planted = { password: SECRET, url: `redis://user:${SECRET}@host` };
  const careless = { ...SHOP, ...planted, signals: SHOP.signals.map((signal) => ({ ...signal, ...planted })) };
  const url = await start(t, sampleView([careless]));
  for (const route of ROUTES) {
    const { text } = await ask(`${url}${route}`);
    assert.ok(text.length > 0 && !text.includes(SECRET), route);
  }
});
