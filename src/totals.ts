/** The sums that a target's status carries: how often it was looked at, and what that cost the watched system. */
import type { Cost, PollOutcome, TargetTotals } from './model.ts';

const NO_COST: Cost = { durationMs: 0, commands: 0, bytesSent: 0, bytesReceived: 0 };

export const NO_TOTALS: TargetTotals = {
  polls: { ok: 0, partial: 0, failed: 0 },
  pollsSkipped: 0,
  probes: { ok: 0, failed: 0, over_budget: 0 },
  poll: NO_COST,
  probe: NO_COST,
  hotspotsOpened: 0,
  hotspotsResolved: 0,
};

export function withPoll(totals: TargetTotals, outcome: PollOutcome, cost: Cost, skipped: number): TargetTotals {
  return {
    ...totals,
    polls: { ...totals.polls, [outcome]: totals.polls[outcome] + 1 },
    pollsSkipped: totals.pollsSkipped + skipped,
    poll: addCost(totals.poll, cost),
  };
}

export function withProbe(totals: TargetTotals, outcome: keyof TargetTotals['probes'], cost: Cost): TargetTotals {
  return {
    ...totals,
    probes: { ...totals.probes, [outcome]: totals.probes[outcome] + 1 },
    probe: addCost(totals.probe, cost),
  };
}

/** A cost of which only the time is known. */
export function timeOnly(durationMs: number): Cost {
  return { ...NO_COST, durationMs };
}

/** The server's CPU time stays unknown until something told it: a zero would be a guess. */
function addCost(a: Cost, b: Cost): Cost {
  const told = [a.serverCpuSeconds, b.serverCpuSeconds].filter((seconds) => seconds !== undefined);
  const cpuSeconds = told.length === 0 ? undefined : (told[0] ?? 0) + (told[1] ?? 0);
  return {
    durationMs: a.durationMs + b.durationMs,
    commands: a.commands + b.commands,
    bytesSent: a.bytesSent + b.bytesSent,
    bytesReceived: a.bytesReceived + b.bytesReceived,
    ...(cpuSeconds !== undefined && { serverCpuSeconds: cpuSeconds }),
  };
}
