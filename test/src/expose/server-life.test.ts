/** The life of the HTTP server: a port in use, and a close that leaves no connection behind. */
import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { createMetrics } from '../../../src/expose/metrics.ts';
import { createServer } from '../../../src/expose/server.ts';
import { start } from './http.ts';
import { sampleView } from './sample-view.ts';

test('a port in use is an error that says which and what to do', async (t) => {
  const url = await start(t, sampleView());
  const port = Number(new URL(url).port);
  await assert.rejects(
    start(t, sampleView(), { port }),
    new RegExp(`^Error: cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use.*listen\\.port`),
  );
});

test('close ends keep-alive and half-open connections, and may be called again', async (t) => {
  const view = sampleView();
  const metrics = createMetrics(view, { topPeers: 2, topKeys: 10 });
  const server = createServer(view, { host: '127.0.0.1', port: 0, metrics, closeGraceMs: 50 });
  t.after(() => server.close());
  const { url } = await server.listen();
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const kept = await new Promise<{ closed: Promise<void> }>((resolve, reject) => {
    get(`${url}/healthz`, { agent }, (response) => {
      const closed = new Promise<void>((done) => response.socket.once('close', () => done()));
      response.resume().once('end', () => resolve({ closed }));
    }).once('error', reject);
  });
  const half = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  t.after(() => half.destroy());
  const halfClosed = new Promise<void>((done) => half.once('close', () => done()));
  half.on('error', () => {});
  await new Promise<void>((done) => half.write('GET /healthz HTTP/1.1\r\nHost: a\r\n', () => done()));

  await Promise.all([server.close(), server.close(), kept.closed, halfClosed]);
  await assert.rejects(fetch(`${url}/healthz`));
  await server.close();
});

test('close before listen does nothing', async () => {
  const view = sampleView();
  const metrics = createMetrics(view, { topPeers: 2, topKeys: 10 });
  assert.equal(await createServer(view, { host: '127.0.0.1', port: 0, metrics }).close(), undefined);
});
