#!/usr/bin/env node
/** The command line: run, check, scan. Nothing imports this file. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type CheckOptions, type CommandContext, check } from './cli/check.ts';
import { EXIT } from './cli/exit-codes.ts';
import { type RunOptions, run } from './cli/run.ts';
import { type ScanOptions, scan } from './cli/scan.ts';
import { openTerminal } from './cli/terminal.ts';
import { systemClock } from './clock.ts';

const projectDir = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

async function main(): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8')) as { version: string };
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // A second signal means that draining takes too long for whoever sends it.
      if (stop.signal.aborted) process.exit(EXIT.found);
      stop.abort();
    });
  }
  for (const stream of [process.stdout, process.stderr]) {
    // Whoever reads us has left (`| head`): there is no one to go on for, nor to complain to.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      stop.abort();
    });
  }
  const context: CommandContext = {
    terminal: openTerminal(process),
    clock: systemClock,
    env: process.env,
    cwd: process.cwd(),
    signal: stop.signal,
    version,
  };
  const finish = (code: number): void => {
    process.exitCode = code;
  };

  const program = new Command('hotspot-agent')
    .description('Finds the hot key, says why it is hot and what to do about it, with the numbers worked out.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(add --help for what is allowed)');
  program
    .command('run', { isDefault: true })
    .description('watch until stopped; with nothing configured, take the tour on a cluster of its own')
    .option(
      '-c, --config <file>',
      'configuration (default: HOTSPOT_CONFIG, then ./hotspot.yaml, then HOTSPOT_REDIS_URL)',
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 stopped as asked, 1 could not start, 2 wrong command line.\nSIGHUP reloads the configuration; a wrong one is refused and the old one goes on.',
    )
    .action(async (options: RunOptions) => {
      const onReload = (callback: () => void) => process.on('SIGHUP', callback);
      finish(await run(options, { ...context, onReload, projectDir }));
    });
  program
    .command('check')
    .description('say every error of the configuration at once')
    .option('-c, --config <file>', 'configuration (default: as for run)')
    .option('--connect', 'dial each target and list which evidence it can give, which not, and how to enable it')
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing wrong, 1 a problem was found, 2 wrong command line or nothing to check.',
    )
    .action(async (options: CheckOptions) => finish(await check(options, context)));
  program
    .command('scan')
    .description('one look at a server, with no configuration')
    .argument('<url>', 'redis://host:port or rediss://host:port; any node of a cluster; several separated by commas')
    .option('--for <time>', 'how long to watch, such as 30s or 2m', parseDuration, 10_000)
    .option('--json', 'print the findings as a JSON array')
    .option(
      '--monitor',
      'allow one MONITOR burst of at most 100 ms: exact shares, but it slows the server while it lasts',
    )
    .addHelpText(
      'after',
      '\nA password goes into HOTSPOT_REDIS_PASSWORD, or a file of it into HOTSPOT_REDIS_PASSWORD_FILE, where no process list shows it.\nExit codes: 0 nothing hot, 1 something is hot, 2 could not look.',
    )
    .action(async (url: string, { for: forMs, ...options }: Omit<ScanOptions, 'forMs'> & { for: number }) =>
      finish(await scan(url, { ...options, forMs }, context)),
    );
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    finish(error.exitCode === 0 ? EXIT.ok : EXIT.failed);
  }
}

function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? 's'] ?? 1000;
  const ms = Number(match?.[1]) * unit;
  if (match === null || ms < 1000 || ms > 3_600_000) throw new InvalidArgumentError('give 1s to 60m, such as 30s.');
  return ms;
}

await main();
