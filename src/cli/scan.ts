/** `scan`: one look at a server that nobody prepared; findings in words and a table, or as JSON. */
import { withDeadline } from '../../collectors/index.ts';
import { createCollector } from '../agent.ts';
import { formatProblems, type TargetConfig } from '../config.ts';
import { type Hotspot, HotspotTracker } from '../detect/tracker.ts';
import type { Absence, Evaluation, Finding, Reading } from '../model.ts';
import { evaluate } from '../pipeline.ts';
import { makeRedactor } from '../redact.ts';
import type { CommandContext } from './check.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { wordsOf } from './failure.ts';
import { renderFinding, renderLoads } from './render.ts';
import { loadFrom } from './settings.ts';
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
    const { evaluation, reading, hotspots } = await look(config, show, options, context);
    terminal.endProgress();
    const hot = evaluation.findings.filter(({ state }) => state === 'open');
    const unseen = hot.length > 0 ? [] : unseenBy(evaluation, reading, hotspots);
    if (options.json === true) terminal.out(JSON.stringify(hot, null, 2));
    else report(hot, unseen.length > 0, evaluation, reading, context);
    for (const line of unseen) terminal.err(`could not tell whether anything is hot: ${line}`);
    if (unseen.length > 0) return EXIT.failed;
    return hot.length > 0 ? EXIT.found : EXIT.ok;
  } catch (error) {
    terminal.endProgress();
    if (context.signal.aborted) {
      terminal.err('stopped before the look was over');
      return EXIT.failed;
    }
    const { reason, remedy } = wordsOf(error);
    terminal.err(`could not look at ${config.urls.join(', ')}: ${reason}`);
    if (remedy !== undefined) terminal.err(`to mend: ${remedy}`);
    if (env['DEBUG'] !== undefined && error instanceof Error) terminal.err(error.stack ?? '');
    return EXIT.failed;
  }
}

/**
 * Why "nothing is hot" cannot be said of a look that found nothing; empty where it can. Too few peers answered to
 * compare them, or no evidence names the keys of a lone one that is not idle.
 */
export function unseenBy(
  { signals }: Pick<Evaluation, 'signals'>,
  { absences }: Pick<Reading, 'absences'>,
  hotspots: readonly Pick<Hotspot, 'state' | 'scope' | 'peer' | 'probe'>[],
): string[] {
  const lines: string[] = [];
  for (const { scope, resource, undecided, absent, peers } of signals) {
    if (resource.role !== 'load' || undecided !== 'incomplete') continue;
    const own = absences.filter((absence) => absence.scope === scope.name);
    const why = own.find((absence) => absence.resource === resource.name) ?? own.find((absence) => !absence.resource);
    const told = `${absent} of ${absent + peers.length} ${scope.name} did not tell their ${resource.name}`;
    lines.push(why === undefined ? told : `${told}: ${whyAbsent(why)}`);
  }
  for (const { state, scope, peer, probe } of hotspots) {
    if (state !== 'suspected' || probe === undefined || probe.keys.length > 0) continue;
    const isIdle = !signals.some(
      (signal) =>
        signal.scope.name === scope &&
        signal.resource.role === 'load' &&
        signal.peers.some((load) => load.peer === peer && load.value >= signal.resource.floor),
    );
    if (isIdle) continue;
    for (const absence of probe.absences) lines.push(`no keys of ${peer} were seen: ${whyAbsent(absence)}`);
  }
  return lines;
}

function whyAbsent({ reason, remedy }: Absence): string {
  return remedy === undefined ? reason : `${reason}; to enable: ${remedy}`;
}

interface Look {
  readonly evaluation: Evaluation;
  readonly reading: Reading;
  readonly hotspots: readonly Hotspot[];
}

async function look(
  config: TargetConfig,
  show: (key: string) => string,
  options: ScanOptions,
  context: CommandContext,
): Promise<Look> {
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
    const evaluation = evaluate(reading, tracker, show, clock.date());
    return { reading, evaluation, hotspots: tracker.hotspots };
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

function report(
  hot: readonly Finding[],
  undecided: boolean,
  evaluation: Evaluation,
  reading: Reading,
  { terminal }: CommandContext,
): void {
  const { colours } = terminal;
  terminal.out(renderLoads(evaluation.signals, colours));
  for (const absence of reading.absences) {
    if (absence.code === 'warming') continue;
    const what = [absence.peer, absence.resource].filter((part) => part !== undefined).join(' ');
    terminal.out(colours.yellow(`absent: ${what}: ${whyAbsent(absence)}`));
  }
  for (const finding of hot) terminal.out(`\n${renderFinding(finding, colours)}`);
  if (hot.length > 0) return;
  if (!undecided) terminal.out('\nnothing is hot');
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
  const loaded = loadFrom({ kind: 'environment' }, { HOTSPOT_REDIS_URL: url, ...password });
  if (!loaded.ok) return formatProblems(loaded.problems, undefined).replaceAll('HOTSPOT_REDIS_URL', 'the URL');
  return loaded.config.targets[0] ?? 'no URL was given';
}
