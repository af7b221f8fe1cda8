/**
 * Watches one target: polls without overlap, each within a deadline; backs off with jitter while it fails; looks
 * again soon on suspicion; sends a probe where a hotspot has no name yet. Nothing here waits for another target.
 *
 *     poll ──► evaluate ──► status ──► sleep ──► poll …
 *                │                       ▲
 *                └─ suspected or open ─► probe (beside the loop, one at a time, within its budget)
 */
import { Failure, withDeadline } from '../collectors/index.ts';
import { type Change, Changes } from './changes.ts';
import type { Clock } from './clock.ts';
import type { TargetConfig } from './config.ts';
import type { Hotspot, HotspotTracker } from './detect/tracker.ts';
import type { AbsenceCode, Collector, Finding, Reading, TargetStatus } from './model.ts';
import { evaluate, explain, shownKey } from './pipeline.ts';
import { ProbeBudget } from './probe-budget.ts';
import { NO_TOTALS, timeOnly, withPoll, withProbe } from './totals.ts';

export interface TargetLoopDeps {
  readonly clock: Clock;
  readonly createCollector: (config: TargetConfig) => Collector;
  /** Redacts a key for everything that leaves. */
  readonly show: (key: string) => string;
  readonly onChange: (change: Change) => void;
  /** A failure that is worth a line in the log: the first of its kind in a row. */
  readonly onFailure: (target: string, what: 'poll' | 'probe', failure: Failure) => void;
  readonly onRecovery: (target: string) => void;
}

/** A poll that does not heed its deadline is given this much more before its collector is replaced. */
const GRACE_MS = 1000;
/** Stands in an absence for all scopes of a target of which nothing could be read. */
const WHOLE_TARGET = 'target';
/** The first survey comes when the agent has settled in. */
const FIRST_SURVEY_MS = 60_000;
/** Each sleep is shortened by up to this part, so that many agents do not poll in step. */
const JITTER = 0.1;

export class TargetLoop {
  readonly config: TargetConfig;
  readonly tracker: HotspotTracker;
  readonly #deps: TargetLoopDeps;
  readonly #changes: Changes;
  readonly #budget: ProbeBudget;
  #collector: Collector;
  #status: TargetStatus;
  #reading: Reading | undefined;
  #failuresInARow = 0;
  #lastFailure: AbsenceCode | undefined;
  #nextSurveyAt: number | undefined;
  #probing: Promise<void> | undefined;
  /** The hotspot whose first probe is under way. */
  #probed: string | undefined;

  /** @param before the loop that watched this target until now: what is open stays open */
  constructor(config: TargetConfig, tracker: HotspotTracker, deps: TargetLoopDeps, before?: TargetLoop) {
    this.config = config;
    this.tracker = tracker;
    this.#deps = deps;
    this.#budget = before === undefined ? new ProbeBudget(config.probe) : before.#budget;
    this.#changes = before === undefined ? new Changes() : before.#changes;
    this.#collector = deps.createCollector(config);
    this.#status = before?.status ?? {
      target: config.name,
      system: config.system,
      signals: [],
      findings: [],
      absences: [],
      standingKeys: [],
      totals: NO_TOTALS,
    };
  }

  get status(): TargetStatus {
    return this.#status;
  }

  /** Until the signal aborts; then ends what is under way. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      const startedAt = clock.now();
      await this.#tick(signal);
      this.#probeIfNeeded(signal);
      this.#surveyIfDue(signal);
      await clock.sleep(this.#waitMs(clock.now() - startedAt), signal).catch(() => undefined);
    }
    await this.#probing;
    await this.#collector.stop();
  }

  /** Until the next look that a slow one has not swallowed; after a failure a whole pause, however long it took. */
  #waitMs(tookMs: number): number {
    const intervalMs = this.#intervalMs() * (1 - JITTER * this.#deps.clock.random());
    return this.#failuresInARow > 0 ? intervalMs : intervalMs - (tookMs % intervalMs);
  }

  #intervalMs(): number {
    const { intervalMs, confirmIntervalMs, maxBackoffMs } = this.config.poll;
    if (this.#failuresInARow > 0)
      return Math.min(maxBackoffMs, intervalMs * 2 ** Math.min(10, this.#failuresInARow - 1));
    return this.tracker.confirming ? confirmIntervalMs : intervalMs;
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const startedAt = clock.now();
    try {
      const reading = await this.#poll(signal);
      if (signal.aborted) return;
      const skipped = Math.floor((clock.now() - startedAt) / this.config.poll.intervalMs);
      this.#accept(reading, skipped);
    } catch (error) {
      if (signal.aborted) return;
      this.#refuse(asFailure(error), clock.now() - startedAt);
    }
  }

  async #poll(signal: AbortSignal): Promise<Reading> {
    const { deadlineMs } = this.config.poll;
    const overdue = new AbortController();
    try {
      return await Promise.race([
        withDeadline(signal, deadlineMs, (within) =>
          this.#collector.poll({ signal: within, attentive: this.tracker.attentive }),
        ),
        this.#deps.clock.sleep(deadlineMs + GRACE_MS, AbortSignal.any([signal, overdue.signal])).then(() => {
          void this.#collector.stop();
          this.#collector = this.#deps.createCollector(this.config);
          throw new Failure('timeout', `the poll did not end within ${deadlineMs} ms; its connections were dropped`);
        }),
      ]);
    } finally {
      overdue.abort();
    }
  }

  #accept(reading: Reading, skipped: number): void {
    const at = this.#deps.clock.date();
    const { signals, findings } = evaluate(reading, this.tracker, this.#deps.show, at);
    const unanswered = reading.absences.some(({ code }) => code !== 'warming' && code !== 'disabled');
    const outcome = unanswered ? 'partial' : 'ok';
    if (this.#failuresInARow > 0) this.#deps.onRecovery(this.config.name);
    this.#failuresInARow = 0;
    this.#lastFailure = undefined;
    this.#reading = reading;
    this.#publish({
      target: this.config.name,
      system: this.config.system,
      lastPoll: at.toISOString(),
      outcome,
      signals,
      findings,
      absences: reading.absences,
      standingKeys: this.#status.standingKeys.filter(({ peer }) => isPeerOf(reading, peer)),
      totals: withPoll(this.#status.totals, outcome, reading.cost, skipped),
    });
  }

  /** Findings stay: a target that does not answer has not become calm. */
  #refuse(failure: Failure, durationMs: number): void {
    const { code, message: reason, remedy } = failure;
    this.#failuresInARow++;
    if (this.#lastFailure !== failure.code) this.#deps.onFailure(this.config.name, 'poll', failure);
    this.#lastFailure = failure.code;
    this.#publish({
      ...this.#status,
      lastPoll: this.#deps.clock.date().toISOString(),
      outcome: 'failed',
      error: { code, reason, ...(remedy !== undefined && { remedy }) },
      absences: [{ scope: WHOLE_TARGET, code, reason, ...(remedy !== undefined && { remedy }) }],
      totals: withPoll(this.#status.totals, 'failed', timeOnly(durationMs), 0),
    });
  }

  #publish(status: TargetStatus): void {
    const changes = this.#changes.between(status.findings, this.#probed);
    let { hotspotsOpened, hotspotsResolved } = status.totals;
    for (const { kind } of changes) {
      if (kind === 'opened') hotspotsOpened++;
      if (kind === 'resolved') hotspotsResolved++;
    }
    this.#status = { ...status, totals: { ...status.totals, hotspotsOpened, hotspotsResolved } };
    for (const change of changes) this.#deps.onChange(change);
  }

  #probeIfNeeded(signal: AbortSignal): void {
    const now = this.#deps.clock.now();
    const hot = this.tracker.hotspots.filter(({ state }) => state !== 'resolved');
    this.#budget.retain(new Set(hot.map(({ id }) => id)));
    if (this.#probing !== undefined || signal.aborted || this.#failuresInARow > 0 || !this.config.probe.enabled) return;
    const due = hot.find(({ id, calm }) => !calm && this.#budget.isDue(id, now));
    if (due === undefined) return;
    if (!this.#budget.isAffordable(now)) {
      this.#budget.spend(due.id, 0, true, now);
      this.#status = { ...this.#status, totals: withProbe(this.#status.totals, 'over_budget', timeOnly(0)) };
      const reason = `the probe budget of ${this.config.probe.budgetMsPerHour} ms an hour is spent`;
      const absence = {
        scope: 'keys',
        peer: due.peer,
        code: 'budget',
        reason,
        remedy: 'raise probe.budgetMsPerHour',
      } as const;
      this.#attach(due, { keys: [], absences: [absence], cost: timeOnly(0) });
      return;
    }
    this.#probed = due.probe === undefined ? due.id : undefined;
    this.#probing = this.#probe(due, signal).finally(() => {
      this.#probing = undefined;
    });
  }

  async #probe(hotspot: Hotspot, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const startedAt = clock.now();
    try {
      const result = await this.#collector.probe?.(hotspot, signal);
      if (result === undefined) return;
      const ok = result.keys.length > 0 || result.absences.length === 0;
      this.#status = { ...this.#status, totals: withProbe(this.#status.totals, ok ? 'ok' : 'failed', result.cost) };
      this.#attach(hotspot, result);
    } catch (error) {
      if (signal.aborted) return;
      const failure = asFailure(error);
      const cost = timeOnly(clock.now() - startedAt);
      this.#status = { ...this.#status, totals: withProbe(this.#status.totals, 'failed', cost) };
      this.#deps.onFailure(this.config.name, 'probe', failure);
      this.#attach(hotspot, {
        keys: [],
        absences: [{ scope: 'keys', peer: hotspot.peer, code: failure.code, reason: failure.message }],
        cost,
      });
    } finally {
      const explained = this.#findingOf(hotspot.id)?.cause.id !== 'undetermined';
      this.#budget.spend(hotspot.id, clock.now() - startedAt, explained, clock.now());
    }
  }

  /** On the slow schedule, only while all is calm: keys that are always hot are known before they become a hotspot. */
  #surveyIfDue(signal: AbortSignal): void {
    const { enabled, sweep, surveyMs } = this.config.probe;
    const now = this.#deps.clock.now();
    const busy = this.#probing !== undefined || this.tracker.attentive || this.#failuresInARow > 0 || signal.aborted;
    const peers = new Set(this.#reading?.samples.map(({ peer, owner }) => owner ?? peer)).size;
    if (!enabled || !sweep || surveyMs === 0 || busy || peers === 0) return;
    this.#nextSurveyAt ??= now + Math.min(FIRST_SURVEY_MS, surveyMs);
    if (now < this.#nextSurveyAt || !this.#budget.isAffordable(now)) return;
    // Each peer once in the time, one after the other.
    this.#nextSurveyAt = now + surveyMs / peers;
    this.#probing = this.#survey(signal).finally(() => {
      this.#probing = undefined;
    });
  }

  async #survey(signal: AbortSignal): Promise<void> {
    const { clock, show } = this.#deps;
    const startedAt = clock.now();
    try {
      const survey = await this.#collector.survey?.(signal);
      if (survey === undefined) return;
      const { scope, peer } = survey;
      const standing = {
        scope,
        peer,
        at: clock.date().toISOString(),
        keys: survey.keys.map((key) => shownKey(key, show)),
      };
      const others = this.#status.standingKeys.filter((known) => known.peer !== peer || known.scope !== scope);
      const totals = withProbe(this.#status.totals, 'ok', survey.cost);
      this.#status = { ...this.#status, standingKeys: [...others, standing], totals };
    } catch (error) {
      if (signal.aborted) return;
      this.#deps.onFailure(this.config.name, 'probe', asFailure(error));
      const totals = withProbe(this.#status.totals, 'failed', timeOnly(clock.now() - startedAt));
      this.#status = { ...this.#status, totals };
    } finally {
      this.#budget.spend('', clock.now() - startedAt, true, clock.now());
    }
  }

  #attach(hotspot: Hotspot, result: Parameters<HotspotTracker['attach']>[1]): void {
    this.tracker.attach(hotspot.id, result, this.#deps.clock.date());
    this.#probed = undefined;
    const reading = this.#reading;
    if (reading === undefined) return;
    const { signals } = this.#status;
    const findings = this.tracker.hotspots.flatMap((known) =>
      explain(known, signals, reading, this.tracker, this.#deps.show),
    );
    this.#publish({ ...this.#status, findings });
  }

  #findingOf(id: string): Finding | undefined {
    return this.#status.findings.find((finding) => finding.id === id);
  }
}

function isPeerOf(reading: Reading, peer: string): boolean {
  return (
    reading.samples.some((sample) => sample.peer === peer) || reading.absences.some((absence) => absence.peer === peer)
  );
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure('internal', error instanceof Error ? error.message : String(error), { cause: error });
}
