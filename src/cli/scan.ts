/** `scan`: one look at a server that nobody prepared; findings in words and a table, or as JSON. */
import { withDeadline } from '../../collectors/index.ts';
import { createCollector } from '../agent.ts';
import { formatProblems, loadConfig, type TargetConfig } from '../config.ts';
import { HotspotTracker } from '../detect/tracker.ts';
import type { Evaluation, Finding, Reading } from '../model.ts';
import { evaluate } from '../pipeline.ts';
import { makeRedactor } from '../redact.ts';
import type { CommandContext } from './check.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { renderFinding, renderLoads } from './render.ts';
import { bar } from './terminal.ts';

export interface ScanOptions {
  readonly forMs: number;
  readonly json?: boolean;
  readonly monitor?: boolean;
}

/** Between the two windows that a hot node has to be hot in. */
const SECOND_WINDOW_MS = 1000;
const PROGRESS_MS = 100;

export async function scan(url: string, options: ScanOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, env } = context;
  const target = targetOf(url, context);
  if (typeof target === 'string') {
    terminal.err(target);
    return EXIT.failed;
  }
  const config: TargetConfig = { ...target, probe: { ...target.probe, monitor: options.monitor === true } };
  const show = makeRedactor({ show: 'plain' });
  try {
    const { evaluation, reading } = await look(config, show, options, context);
    terminal.endProgress();
    const hot = evaluation.findings.filter(({ state }) => state === 'open');
    if (options.json === true) terminal.out(JSON.stringify(hot, null, 2));
    else report(hot, evaluation, reading, context);
    return hot.length > 0 ? EXIT.found : EXIT.ok;
  } catch (error) {
    terminal.endProgress();
    if (context.signal.aborted) {
      terminal.err('stopped before the look was over');
      return EXIT.failed;
    }
    const remedy =
      error instanceof Error && 'remedy' in error && typeof error.remedy === 'string' ? error.remedy : undefined;
    terminal.err(
      `could not look at ${config.urls.join(', ')}: ${error instanceof Error ? error.message : String(error)}`,
    );
    if (remedy !== undefined) terminal.err(`to mend: ${remedy}`);
    if (env['DEBUG'] !== undefined && error instanceof Error) terminal.err(error.stack ?? '');
    return EXIT.failed;
  }
}

async function look(
  config: TargetConfig,
  show: (key: string) => string,
  options: ScanOptions,
  context: CommandContext,
): Promise<{ evaluation: Evaluation; reading: Reading }> {
  const { clock, signal, terminal } = context;
  // One look has no ticks to wait for, and whoever asks for it wants to know of a lone server at any load.
  const tracker = new HotspotTracker(config.name, { ...config.detect, openAfterTicks: 1, openPressure: 0 });
  const collector = createCollector(config, clock, (seen, total) =>
    terminal.progress(`${bar(seen / Math.max(1, total))} ${seen} of ${total} keys`),
  );
  const poll = async () => {
    const reading = await withDeadline(signal, config.poll.deadlineMs, (within) =>
      collector.poll({ signal: within, attentive: true }),
    );
    return { reading, evaluation: evaluate(reading, tracker, show, clock.date()) };
  };
  try {
    await withDeadline(signal, config.poll.deadlineMs, (within) => collector.start(within));
    await poll();
    await watch(options.forMs, context);
    await poll();
    for (const hotspot of tracker.hotspots) {
      const result = await collector.probe?.(hotspot, signal);
      if (result !== undefined) tracker.attach(hotspot.id, result, clock.date());
    }
    await clock.sleep(SECOND_WINDOW_MS, signal);
    return await poll();
  } finally {
    await collector.stop();
  }
}

async function watch(forMs: number, { clock, signal, terminal }: CommandContext): Promise<void> {
  const startedAt = clock.now();
  for (;;) {
    const passed = clock.now() - startedAt;
    if (passed >= forMs) return;
    terminal.progress(`${bar(passed / forMs)} watching, ${Math.ceil((forMs - passed) / 1000)} s left`);
    await clock.sleep(Math.min(PROGRESS_MS, forMs - passed), signal);
  }
}

function report(hot: readonly Finding[], evaluation: Evaluation, reading: Reading, { terminal }: CommandContext): void {
  const { colours } = terminal;
  terminal.out(renderLoads(evaluation.signals, colours));
  for (const { peer, resource, code, reason, remedy } of reading.absences) {
    if (code === 'warming') continue;
    const mend = remedy === undefined ? '' : `; to enable: ${remedy}`;
    terminal.out(
      colours.yellow(`absent: ${[peer, resource].filter((part) => part !== undefined).join(' ')}: ${reason}${mend}`),
    );
  }
  for (const finding of hot) terminal.out(`\n${renderFinding(finding, colours)}`);
  if (hot.length > 0) return;
  terminal.out('\nnothing is hot');
  for (const { peer, cause } of evaluation.findings) {
    terminal.out(`  ${peer}: ${cause.statement}`);
    for (const line of cause.missing) terminal.out(`    unseen: ${line}`);
  }
}

/** The target, or what is wrong with the URL in words. */
function targetOf(url: string, { env }: CommandContext): TargetConfig | string {
  const password = {
    HOTSPOT_REDIS_PASSWORD: env['HOTSPOT_REDIS_PASSWORD'],
    HOTSPOT_REDIS_PASSWORD_FILE: env['HOTSPOT_REDIS_PASSWORD_FILE'],
  };
  const loaded = loadConfig({
    text: undefined,
    path: undefined,
    env: { HOTSPOT_REDIS_URL: url, ...password },
    readFile: () => {
      throw new Error('scan reads no files: give the password in HOTSPOT_REDIS_PASSWORD');
    },
  });
  if (!loaded.ok) return formatProblems(loaded.problems, undefined).replaceAll('HOTSPOT_REDIS_URL', 'the URL');
  return loaded.config.targets[0] ?? 'no URL was given';
}
