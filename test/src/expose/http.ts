/** Starts the server of the agent on a free port of loopback for one test, and asks it. */
import type { TestContext } from 'node:test';
import { createMetrics } from '../../../src/expose/metrics.ts';
import { createServer, type ServerOptions } from '../../../src/expose/server.ts';
import type { SampleView } from './sample-view.ts';

export async function start(t: TestContext, view: SampleView, options: Partial<ServerOptions> = {}): Promise<string> {
  const metrics = createMetrics(view, { topPeers: 2, topKeys: 10 });
  const server = createServer(view, { host: '127.0.0.1', port: 0, metrics, closeGraceMs: 50, ...options });
  t.after(() => server.close());
  return (await server.listen()).url;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export async function ask(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}
