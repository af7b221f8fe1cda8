/** `run`: watches until it is told to stop. With nothing configured it takes the tour: a real cluster of its own. */
import { join } from 'node:path';
import { pino } from 'pino';
import { Agent, type AgentDeps } from '../agent.ts';
import type { Change } from '../changes.ts';
import { watchConfig } from '../config/watch.ts';
import { type Config, formatProblems, loadConfig } from '../config.ts';
import { createMetrics } from '../expose/metrics.ts';
import { createServer } from '../expose/server.ts';
import type { Finding } from '../model.ts';
import { startTour, type Tour } from '../tour/tour.ts';
import type { CommandContext } from './check.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { renderFinding } from './render.ts';
import { findSource, loadFrom, type Source } from './settings.ts';

export interface RunOptions {
  readonly config?: string;
}

export interface RunContext extends CommandContext {
  /** Calls back on each SIGHUP. */
  readonly onReload: (callback: () => void) => void;
  readonly projectDir: string;
}

type Tell = Pick<AgentDeps, 'onChange' | 'onFailure' | 'onRecovery'>;

export async function run(options: RunOptions, context: RunContext): Promise<ExitCode> {
  const source = findSource(options.config, context.env, context.cwd);
  if (source.kind === 'none') return runTour(context);
  const { terminal, env } = context;
  const loaded = loadFrom(source, env);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, source.kind === 'file' ? source.path : undefined));
    return EXIT.found;
  }
  const log = pino({ level: loaded.config.log.level });
  const tell: Tell = {
    onChange: (change) =>
      log[change.kind === 'resolved' ? 'info' : 'warn'](logFields(change), `hotspot ${change.kind}`),
    onFailure: (target, what, { code, message, remedy }) =>
      log.error({ target, code, reason: message, remedy }, `${what} failed`),
    onRecovery: (target) => log.info({ target }, 'target answers again'),
  };
  return serve(loaded.config, tell, context, {
    listening: (url) =>
      log.info({ url, targets: loaded.config.targets.map(({ name }) => name) }, 'hotspot-agent is watching'),
    failed: (error) => log.error({ reason: String(error) }, 'request failed'),
    reload: (agent) => reload(source, loaded.fingerprint, agent, loaded.config, log, context),
    stopping: () => log.info('stopping'),
  });
}

interface Hooks {
  readonly listening: (url: string) => void;
  readonly failed: (error: unknown) => void;
  readonly reload?: (agent: Agent) => void;
  readonly stopping: () => void;
}

async function serve(config: Config, tell: Tell, context: RunContext, hooks: Hooks): Promise<ExitCode> {
  const agent = new Agent({ ...tell, clock: context.clock, version: context.version });
  const metrics = createMetrics(agent, config.expose);
  const server = createServer(agent, { ...config.listen, metrics, onError: hooks.failed });
  let url: string;
  try {
    ({ url } = await server.listen());
  } catch (error) {
    context.terminal.err(error instanceof Error ? error.message : String(error));
    return EXIT.found;
  }
  agent.apply(config);
  hooks.listening(url);
  hooks.reload?.(agent);
  await aborted(context.signal);
  hooks.stopping();
  await Promise.all([agent.stop(), server.close()]);
  return EXIT.ok;
}

function reload(
  source: Source,
  fingerprint: string,
  agent: Agent,
  config: Config,
  log: pino.Logger,
  context: RunContext,
): void {
  const path = source.kind === 'file' ? source.path : fileNamedIn(context.env);
  if (path === undefined) {
    context.onReload(() => log.warn('nothing to reload: the configuration comes from the environment alone'));
    return;
  }
  const watch = watchConfig({
    path,
    load: () => loadFrom(source, context.env),
    fingerprint,
    signal: context.signal,
    onChange: (changed) => {
      log.level = changed.log.level;
      agent.apply(changed);
      const fixed = JSON.stringify([changed.listen, changed.expose]) === JSON.stringify([config.listen, config.expose]);
      log.info({ targets: changed.targets.map(({ name }) => name) }, 'configuration reloaded');
      if (!fixed) log.warn('changes of listen and expose take effect at the next start');
    },
    onRefused: (problems) => log.error({ problems }, 'new configuration refused; the old one goes on'),
  });
  context.onReload(() => watch.trigger());
}

/** Where the environment alone says it all, a secret may still lie in a file that is rotated. */
function fileNamedIn(env: RunContext['env']): string | undefined {
  return [env['HOTSPOT_REDIS_PASSWORD_FILE'], env['HOTSPOT_KEYS_SECRET_FILE']].find((path) => (path ?? '') !== '');
}

function logFields({ finding }: Change): Record<string, unknown> {
  const [advice] = finding.recommendations;
  const [key] = finding.keys;
  return {
    id: finding.id,
    target: finding.target,
    peer: finding.peer,
    severity: finding.severity,
    since: finding.since,
    cause: finding.cause.id,
    statement: finding.cause.statement,
    ...(key !== undefined && { key: key.key, share: key.share, low: key.low, high: key.high }),
    ...(advice !== undefined && {
      mitigation: advice.mitigation,
      parameters: advice.parameters,
      expected: advice.expected,
    }),
  };
}

async function runTour(context: RunContext): Promise<ExitCode> {
  const { terminal, signal, env } = context;
  terminal.out('nothing is configured: taking the tour, on a real cluster of our own on this machine');
  terminal.out('to watch your own: HOTSPOT_REDIS_URL=redis://host:6379 npm start\n');
  let tour: Tour;
  try {
    tour = await startTour({
      log: (line) => terminal.out(line),
      signal,
      env,
      cacheDir: join(context.projectDir, '.cache', 'servers'),
    });
  } catch (error) {
    if (signal.aborted) return EXIT.ok;
    terminal.err(error instanceof Error ? error.message : String(error));
    return EXIT.found;
  }
  try {
    const config = tourConfig(tour.seedUrls, env);
    if (typeof config === 'string') {
      terminal.err(config);
      return EXIT.found;
    }
    terminal.out(tour.describe);
    const say = (finding: Finding) => terminal.out(`\n${renderFinding(finding, terminal.colours)}\n`);
    return await serve(
      config,
      {
        onChange: ({ finding }) => say(finding),
        onFailure: (target, what, { message }) => terminal.err(`${target}: ${what} failed: ${message}`),
        onRecovery: (target) => terminal.out(`${target} answers again`),
      },
      context,
      {
        listening: (url) => terminal.out(`hotspot-agent is watching it: ${url}  (Ctrl-C ends it all)\n`),
        failed: (error) => terminal.err(String(error)),
        stopping: () => terminal.out('\nstopping'),
      },
    );
  } finally {
    await tour.stop();
  }
}

/** As a user would configure it, but on loopback only, and with a bound of calls as its limit so that pressure shows. */
function tourConfig(urls: readonly string[], env: RunContext['env']): Config | string {
  const text = [
    'listen: { host: 127.0.0.1 }',
    'poll: { intervalMs: 5000 }',
    'targets:',
    '  - name: tour',
    '    system: redis',
    '    limits: { callsPerSecond: 8000 }',
    `    urls: ${JSON.stringify(urls)}`,
  ].join('\n');
  const loaded = loadConfig({ text, path: undefined, env, readFile: () => '' });
  return loaded.ok ? loaded.config : formatProblems(loaded.problems, undefined);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
