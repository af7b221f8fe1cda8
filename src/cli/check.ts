/** `check`: every configuration error at once; with --connect, what each target can tell and how to enable the rest. */
import { withDeadline } from '../../collectors/index.ts';
import { createCollector } from '../agent.ts';
import type { Clock } from '../clock.ts';
import { type Environment, formatProblems, type TargetConfig } from '../config.ts';
import type { Evidence } from '../model.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { wordsOf } from './failure.ts';
import { findSource, loadFrom } from './settings.ts';
import type { Terminal } from './terminal.ts';

export interface CheckOptions {
  readonly config?: string;
  readonly connect?: boolean;
}

export interface CommandContext {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly env: Environment;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly version: string;
}

export async function check(options: CheckOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, env, cwd } = context;
  const source = findSource(options.config, env, cwd);
  if (source.kind === 'none') {
    terminal.err(
      'nothing to check: give --config FILE, write hotspot.yaml here, or set HOTSPOT_REDIS_URL=redis://host:port',
    );
    return EXIT.failed;
  }
  const loaded = loadFrom(source, env);
  const path = source.kind === 'file' ? source.path : undefined;
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, path));
    return EXIT.found;
  }
  const { targets } = loaded.config;
  terminal.out(
    `${path ?? 'environment'}: ${targets.length} ${targets.length === 1 ? 'target' : 'targets'}, no problem found`,
  );
  if (options.connect !== true) return EXIT.ok;
  const reached = await Promise.all(targets.map((target) => connect(target, context)));
  for (const { text } of reached) terminal.out(text);
  return reached.every(({ ok }) => ok) ? EXIT.ok : EXIT.found;
}

async function connect(target: TargetConfig, context: CommandContext): Promise<{ ok: boolean; text: string }> {
  const { colours } = context.terminal;
  const collector = createCollector(target, context.clock);
  const title = colours.bold(`${target.name} (${target.system})`);
  try {
    const evidence = await withDeadline(context.signal, target.poll.deadlineMs, async (within) => {
      await collector.start(within);
      return collector.evidence(within);
    });
    return { ok: true, text: [title, ...evidence.flatMap((line) => renderEvidence(line, colours))].join('\n') };
  } catch (error) {
    const { reason, remedy } = wordsOf(error);
    const lines = [title, `  ${colours.red('not reached')}  ${reason}`];
    if (remedy !== undefined) lines.push(`      to mend: ${remedy}`);
    return { ok: false, text: lines.join('\n') };
  } finally {
    await collector.stop();
  }
}

function renderEvidence({ name, gives, available, reason, remedy }: Evidence, colours: Terminal['colours']): string[] {
  const mark = available ? colours.green('yes') : colours.yellow('no ');
  const lines = [`  ${mark}  ${name.padEnd(18)} ${gives}`];
  if (!available || reason !== 'available') lines.push(`       ${''.padEnd(18)} ${reason}`);
  if (remedy !== undefined) lines.push(`       ${''.padEnd(18)} to enable: ${remedy}`);
  return lines;
}
