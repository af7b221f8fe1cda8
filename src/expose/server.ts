/**
 * The HTTP server: metrics, health, the JSON API and the landing page. Read-only, for GET and HEAD alone; every
 * answer that is not a success is JSON that says what is wrong, and never a stack.
 */
import { createServer as createHttpServer, type Server } from 'node:http';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { type ApiError, type ApiResult, describeTargets, findHotspot, selectFindings } from './api.ts';
import type { Metrics } from './metrics.ts';
import { PAGE_POLICY, renderPage } from './page.ts';
import type { AgentView } from './view.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Told of every error that a client sees as "internal error". */
  readonly onError?: (error: unknown) => void;
  /** How long `close` waits for answers under way, in ms; 1000 by default. */
  readonly closeGraceMs?: number;
}

export interface HttpServer {
  /** Rejects with what to do when the address cannot be had. */
  listen(): Promise<{ readonly url: string }>;
  /** Takes no new connection, ends the idle ones, and after the grace period all. May be called more than once. */
  close(): Promise<void>;
}

const ROUTES = ['/', '/metrics', '/healthz', '/readyz', '/api/v1/findings', '/api/v1/hotspots/:id', '/api/v1/targets'];

const SECURITY_HEADERS = {
  'Content-Security-Policy': PAGE_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

export function createServer(view: AgentView, options: ServerOptions): HttpServer {
  const server = createHttpServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, createApp(view, options));
  let closing: Promise<void> | undefined;
  return {
    listen: () => listen(server, options),
    close: () => {
      closing ??= close(server, options.closeGraceMs ?? 1000);
      return closing;
    },
  };
}

function createApp(view: AgentView, { metrics, onError }: ServerOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');

  app.use((request, response, next) => {
    response.set(SECURITY_HEADERS);
    if (request.method === 'GET' || request.method === 'HEAD') return next();
    response.set('Allow', 'GET, HEAD');
    sendError(response, 405, 'method_not_allowed', `${request.method} is not allowed`, ['GET', 'HEAD']);
  });

  app.get('/metrics', async (request, response) => {
    const accept = request.headers.accept;
    const body = await metrics.render(accept);
    // As bytes: of a string express would rewrite the Content-Type, and scrapers compare it.
    response.set({ 'Content-Type': metrics.contentType(accept), Vary: 'Accept' }).send(Buffer.from(body));
  });
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok', version: view.version, startedAt: view.startedAt.toISOString() });
  });
  app.get('/readyz', (_request, response) => {
    const { ready, reason } = view.ready();
    if (ready) response.json({ status: 'ready', reason });
    else sendError(response, 503, 'not_ready', reason);
  });
  app.get('/api/v1/findings', (request, response) => sendResult(response, selectFindings(view, request.query)));
  app.get('/api/v1/hotspots/:id', (request, response) => sendResult(response, findHotspot(view, request.params.id)));
  app.get('/api/v1/targets', (_request, response) => {
    response.json(describeTargets(view));
  });
  app.get('/', (_request, response) => {
    response.set('Content-Type', 'text/html; charset=utf-8').send(renderPage(view));
  });

  app.use((_request, response) => sendError(response, 404, 'not_found', 'there is no such route', ROUTES));
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error);
    if (isClientError(error)) return sendError(response, 400, 'bad_request', 'the URL cannot be decoded');
    onError?.(error);
    sendError(response, 500, 'internal', 'internal error; the log of the agent says more');
  });
  return app;
}

function sendResult<T>(response: Response, result: ApiResult<T>): void {
  response.status(result.ok ? 200 : result.status).json(result.body);
}

function sendError(
  response: Response,
  status: number,
  code: ApiError['error']['code'],
  message: string,
  allowed?: readonly string[],
): void {
  const body: ApiError = { error: { code, message, ...(allowed === undefined ? {} : { allowed }) } };
  response.status(status).json(body);
}

/** Express marks what the client did wrong, such as a malformed percent escape, with a 4xx status. */
function isClientError(error: unknown): boolean {
  if (!(error instanceof Error) || !('status' in error)) return false;
  return typeof error.status === 'number' && error.status >= 400 && error.status < 500;
}

function listen(server: Server, { host, port }: ServerOptions): Promise<{ readonly url: string }> {
  return new Promise((resolve, reject) => {
    const onFailure = (error: NodeJS.ErrnoException) => reject(explainListen(error, host, port));
    server.once('error', onFailure);
    server.listen({ host, port }, () => {
      server.off('error', onFailure);
      const address = server.address();
      const bound = address !== null && typeof address === 'object' ? address.port : port;
      resolve({ url: `http://${urlHost(host)}:${bound}` });
    });
  });
}

const LISTEN_REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use, perhaps by another hotspot-agent; stop that or set another listen.port',
  EACCES: 'this user may not take the port; set a listen.port above 1023',
  EADDRNOTAVAIL: 'this machine does not have the address; set listen.host to one it has, or 0.0.0.0 for all',
  ENOTFOUND: 'the name does not resolve; set listen.host to an address, or 0.0.0.0 for all',
};

function explainListen(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const why = LISTEN_REMEDIES[error.code ?? ''] ?? error.message;
  return new Error(`cannot listen on ${bracket(host)}:${port}: ${why}`, { cause: error });
}

/** The host to write in a URL; a wildcard is reached through loopback. */
function urlHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '[::1]' : bracket(host);
}

function bracket(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    const deadline = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(deadline);
      resolve();
    });
    server.closeIdleConnections();
  });
}
