/**
 * Names the keys of one node by the best evidence it can give, cheapest and surest first:
 *
 *     MONITOR burst (opt-in, exact) → HOTKEYS → hot slots, then their keys → a sweep of all keys
 *
 * Stops at the first that names keys. What could not be used, and why, is returned beside them.
 */
import type { KeyShare } from '../../../src/model.ts';
import { Failure } from '../../shared/failures.ts';
import { failureOf } from '../errors.ts';
import { hasSlotStats } from '../evidence.ts';
import { readInfo } from '../read-info.ts';
import { clamp, settleFirst } from './bounds.ts';
import { type AppRates, appRates, KEYS_NAMED, type Named, type ProbeContext, sentBetween } from './context.ts';
import { hotkeysFlavour, redisHotkeys, valkeyHotkeys } from './hotkeys.ts';
import { monitorBurst } from './monitor.ts';
import { type Ranking, rankKeys } from './rank.ts';
import { findHotSlots } from './slots.ts';

export interface ProbeFinding {
  readonly keys: readonly KeyShare[];
  readonly failures: readonly Failure[];
}

/** The sweep alone: what the slow schedule runs on servers with LFU counters. */
export async function surveyKeys(context: ProbeContext): Promise<ProbeFinding> {
  const { keys, shortfall } = await bySweep(context, context.now() + context.config.probe.maxDurationMs - SPARE_MS);
  return { keys, failures: shortfall === undefined ? [] : [shortfall] };
}

/** Time kept for the last look of a probe and for ending what it began. */
const SPARE_MS = 300;

export async function nameKeys(context: ProbeContext): Promise<ProbeFinding> {
  const { info, config } = context;
  const { probe } = config;
  const untilMs = context.now() + probe.maxDurationMs - SPARE_MS;
  const failures: Failure[] = [];
  let keys: readonly KeyShare[] = [];

  const flavour = hotkeysFlavour(info);
  const attempts: (false | (() => Promise<Named>))[] = [
    probe.monitor && (() => monitorBurst(context)),
    probe.hotkeys && flavour === 'redis' && (() => redisHotkeys(context)),
    probe.hotkeys && flavour === 'valkey' && (() => valkeyHotkeys(context)),
    hasSlotStats(info) && (() => bySlots(context, untilMs)),
    probe.sweep && (() => bySweep(context, untilMs)),
  ];
  for (const attempt of attempts) {
    if (attempt === false || context.now() >= untilMs) continue;
    try {
      const named = await attempt();
      if (named.shortfall !== undefined) failures.push(named.shortfall);
      // What could not rank all of them still names the keys of the right slot: a part of the node would not.
      if (keys.length === 0 || named.shortfall === undefined) keys = named.keys.length > 0 ? named.keys : keys;
      if (named.keys.length > 0 && named.shortfall === undefined) break;
    } catch (error) {
      failures.push(failureOf(error));
    }
  }
  if (!probe.monitor && (keys.length === 0 || failures.some(({ code }) => code === 'warming'))) {
    failures.push(
      new Failure('disabled', 'a MONITOR burst would rank keys exactly and tell reads from writes', {
        remedy: 'probe.monitor: true of the target',
      }),
    );
  }
  return { keys, failures };
}

/** Slot statistics tell what the keys of a slot take together; the keys of a slot are few enough to rank. */
async function bySlots(context: ProbeContext, untilMs: number): Promise<Named> {
  const slots = await findHotSlots(context);
  if (slots.length === 0) {
    return { keys: [], shortfall: new Failure('warming', 'no slot takes 5 % of the CPU of its node') };
  }
  const { ranking, rates } = await rankWithRates(
    context,
    slots.flatMap(({ keys }) => keys),
    untilMs,
  );
  const byKey = new Map(ranking.keys.map((key) => [key.key, key]));
  const keys = slots.flatMap((slot) => {
    const evidence = `slot ${slot.slot} with ${Math.round(slot.cpuShare * 100)} % of the CPU of its node's commands, and ${ranking.how}`;
    const shares = slot.keys.flatMap((key) => {
      const ranked = byKey.get(key);
      // A key that was not touched for two seconds takes nothing worth counting.
      return ranked === undefined ? [] : [shareOf(ranked, rates?.callsPerSecond, evidence)];
    });
    return slot.complete ? settleFirst(shares.toSorted(byShare), slot.share) : shares;
  });
  return finish(keys, ranking);
}

/** Every key of the node: what all others are touched is what the one that stands out does not take. */
async function bySweep(context: ProbeContext, untilMs: number): Promise<Named> {
  const { ranking, rates } = await rankWithRates(context, undefined, untilMs);
  const shares = ranking.keys.map((key) => shareOf(key, rates?.callsPerSecond, ranking.how)).sort(byShare);
  const touches = rates?.touchesPerSecond ?? 0;
  const unseen = whatSweepsMiss(context, rates);
  if (unseen !== undefined) return { ...finish(shares, ranking), shortfall: unseen };
  if (ranking.others === undefined || !ranking.complete || touches <= 0) return finish(shares, ranking);
  const { low, estimate, high } = ranking.others;
  const others = { low: low / touches, estimate: estimate / touches, high: high / touches };
  return finish(settleFirst(shares, { low: 1, estimate: 1, high: 1 }, others), ranking);
}

/** More than this part of all touches on keys that are gone before they can be looked at, and what is left says nothing. */
const CHURN = 0.05;

/** Why what the keys in sight leave of all touches is not the share of the one that stands out. */
function whatSweepsMiss({ info }: ProbeContext, rates: AppRates | undefined): Failure | undefined {
  if (info.keysElsewhere > 0) {
    return new Failure('unsupported', `${info.keysElsewhere} keys in databases other than 0 were not looked at`);
  }
  if (rates?.touchesPerSecond === undefined || rates.vanishedPerSecond <= CHURN * rates.touchesPerSecond)
    return undefined;
  const each = Math.round(rates.vanishedPerSecond);
  return new Failure(
    'warming',
    `${each} keys a second are gone before they can be looked at: what they take is not known`,
  );
}

async function rankWithRates(context: ProbeContext, keys: readonly string[] | undefined, untilMs: number) {
  const startedAt = context.now();
  const sentBefore = new Map(context.node.usage.byCommand);
  const before = await readInfo(context.node, context.signal);
  const ranking = await rankKeys(context, keys, untilMs);
  const after = await readInfo(context.node, context.signal);
  const own = sentBetween(sentBefore, context.node.usage.byCommand);
  return { ranking, rates: appRates(before, after, own, context.now() - startedAt) };
}

function shareOf(ranked: Ranking['keys'][number], callsPerSecond: number | undefined, evidence: string): KeyShare {
  const { key, rate, low, high } = ranked;
  if (callsPerSecond === undefined || callsPerSecond <= 0) {
    return { key, low: 0, high: 1, evidence: `${evidence}; the node's calls are not known` };
  }
  return {
    key,
    ...(rate !== undefined && { share: clamp(rate / callsPerSecond) }),
    low: clamp(low / callsPerSecond),
    high: clamp(high / callsPerSecond),
    evidence: rate === undefined ? `${evidence}; used too often for it to say how often` : evidence,
  };
}

function finish(unsorted: readonly KeyShare[], ranking: Ranking): Named {
  const keys = unsorted.toSorted(byShare).slice(0, KEYS_NAMED);
  const unresolved = unsorted.filter(({ share }) => share === undefined).length;
  if (!ranking.complete) {
    const remedy = 'raise probe.maxDurationMs or probe.maxKeys of the target';
    return { keys, shortfall: new Failure('budget', `only part was looked at: ${ranking.how}`, { remedy }) };
  }
  if (unresolved > 1) {
    return { keys, shortfall: new Failure('warming', `${unresolved} keys are too hot to be ranked by ${ranking.how}`) };
  }
  return { keys };
}

/** Keys out of sight first, by what they take at least; then by share. */
function byShare(a: KeyShare, b: KeyShare): number {
  return (b.share ?? Number.POSITIVE_INFINITY) - (a.share ?? Number.POSITIVE_INFINITY) || b.low - a.low;
}
