/**
 * A bounded MONITOR burst: every command in full for a moment. It alone ranks exactly and tells reads from writes
 * and increments. Measured: −60 % throughput while it runs, so it is opt-in and short.
 */
import type { KeyShare } from '../../../src/model.ts';
import { Failure } from '../../shared/failures.ts';
import { isOwnOnly, keysOf, useOf } from '../commands.ts';
import { binomialBounds } from './bounds.ts';
import { KEYS_NAMED, type Named, type ProbeContext } from './context.ts';
import { readMonitor } from './monitor-stream.ts';

interface Uses {
  total: number;
  reads: number;
  writes: number;
  increments: number;
}

/** Below this nothing is said of shares. */
const LEAST_COMMANDS = 20;

export async function monitorBurst(context: ProbeContext): Promise<Named> {
  const { monitorMs, monitorBytes } = context.config.probe;
  const uses = new Map<string, Uses>();
  let commands = 0;
  const startedAt = context.now();
  const limits = { durationMs: monitorMs, bytes: monitorBytes };
  const usage = await readMonitor(
    context.node.address,
    context.config,
    limits,
    context.signal,
    ([command, ...args]) => {
      if (command === undefined || isOwnOnly(command.toLowerCase())) return;
      commands++;
      countKeys(uses, command.toLowerCase(), args);
    },
  );
  context.node.account('monitor', usage);
  const lastedMs = Math.round(context.now() - startedAt);
  const evidence = `a MONITOR burst of ${commands} commands and ${usage.bytesReceived} bytes in ${lastedMs} ms`;
  if (commands < LEAST_COMMANDS) {
    return { keys: [], shortfall: new Failure('warming', `${evidence}: too few to rank keys`) };
  }
  return { keys: rank(uses, commands, evidence) };
}

function countKeys(uses: Map<string, Uses>, command: string, args: readonly string[]): void {
  const use = useOf(command);
  for (const key of new Set(keysOf(command, args))) {
    const found = uses.get(key) ?? { total: 0, reads: 0, writes: 0, increments: 0 };
    found.total++;
    if (use !== 'other') found[use]++;
    uses.set(key, found);
  }
}

function rank(uses: ReadonlyMap<string, Uses>, commands: number, evidence: string): KeyShare[] {
  return [...uses]
    .sort(([, a], [, b]) => b.total - a.total)
    .slice(0, KEYS_NAMED)
    .map(([key, { total, reads, writes, increments }]) => ({
      key,
      share: total / commands,
      ...binomialBounds(total, commands),
      mix: { reads: reads / total, writes: writes / total, increments: increments / total },
      evidence,
    }));
}
