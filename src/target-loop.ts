/**
 * Watches one target: polls without overlap, each within a deadline; backs off with jitter while it fails; looks
 * again soon on suspicion; sends a probe where a hotspot has no name yet. Nothing here waits for another target.
 *
 *     poll ──► evaluate ──► status ──► sleep ──► poll …
 *                │                       ▲
 *                └─ suspected or open ─► probe (beside the loop, one at a time, within its budget)
 */
import { Failure } from '../collectors/index.ts';
import { type Change, Changes } from './changes.ts';
import type { Clock } from './clock.ts';
import type { TargetConfig } from './config.ts';
import type { Hotspot, HotspotTracker } from './detect/tracker.ts';
import { GuardedCollector } from './guarded-collector.ts';
import type { AbsenceCode, Collector, Cost, Finding, Reading, TargetStatus } from './model.ts';
import { evaluate, explain } from './pipeline.ts';
import { ProbeBudget } from './probe-budget.ts';
import { isPeerOf, isSilent } from './reading.ts';
import { Surveys } from './standing-keys.ts';
import { NO_TOTALS, timeOnly, withPoll, withProbe } from './totals.ts';

export interface TargetLoopDeps {
  readonly clock: Clock;
  readonly createCollector: (config: TargetConfig) => Collector;
  /** Redacts a key for everything that leaves. */
  readonly show: (key: string) => string;
  readonly onChange: (change: Change) => void;
  /** A failure that is worth a line in the log: the first of its code in a row, of polls or of a hotspot's probes. */
  readonly onFailure: (target: string, what: 'poll' | 'probe', failure: Failure) => void;
  readonly onRecovery: (target: string) => void;
}

/** Stands in an absence for all scopes of a target of which nothing could be read. */
const WHOLE_TARGET = 'target';
/** The first survey comes when the agent has settled in. */
const FIRST_SURVEY_MS = 60_000;
const SURVEY = '';
/** Each sleep is shortened by up to this part, so that many agents do not poll in step. */
const JITTER = 0.1;

export class TargetLoop {
  readonly config: TargetConfig;
  readonly tracker: HotspotTracker;
  readonly #deps: TargetLoopDeps;
  readonly #changes: Changes;
  readonly #budget: ProbeBudget;
  readonly #surveys: Surveys;
  readonly #collector: GuardedCollector;
  #status: TargetStatus;
  #reading: Reading | undefined;
  #failuresInARow = 0;
  #lastFailure: AbsenceCode | undefined;
  /** How the latest probe of a hotspot failed, by its id; of a survey under SURVEY. */
  readonly #probeFailures = new Map<string, AbsenceCode>();
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
    this.#budget.limits = config.probe;
    this.#changes = before === undefined ? new Changes() : before.#changes;
    this.#surveys = before === undefined ? new Surveys() : before.#surveys;
    this.#reading = before === undefined ? undefined : before.#reading;
    this.#collector = new GuardedCollector(() => deps.createCollector(config), config.poll.deadlineMs, deps.clock);
    this.#status = before === undefined ? neverPolled(config) : this.#rewritten(before.status);
  }

  /** The status of the loop before, written by the redaction of this one: a stricter one counts from now on. */
  #rewritten(status: TargetStatus): TargetStatus {
    const findings = this.#findings(status.signals);
    this.#changes.rewrite(findings);
    return { ...status, findings, standingKeys: this.#surveys.render(this.#deps.show) };
  }

  /** Of all that is tracked, by the latest reading; none where there never was one. */
  #findings(signals: TargetStatus['signals']): readonly Finding[] {
    const reading = this.#reading;
    if (reading === undefined) return [];
    return this.tracker.hotspots.flatMap((known) => explain(known, signals, reading, this.tracker, this.#deps.show));
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
    await this.#collector.current.stop();
  }

  /** Until the next look that a slow one has not swallowed; after a failure a whole pause, however long it took. */
  #waitMs(tookMs: number): number {
    const intervalMs = this.#intervalMs() * (1 - JITTER * this.#deps.clock.random());
    return this.#failuresInARow > 0 ? intervalMs : intervalMs - (tookMs % intervalMs);
  }

  #intervalMs(): number {
    const { intervalMs, confirmIntervalMs, maxBackoffMs } = this.config.poll;
    if (this.#failuresInARow > 0) {
      const backoffMs = intervalMs * 2 ** Math.min(10, this.#failuresInARow - 1);
      return Math.max(intervalMs, Math.min(maxBackoffMs, backoffMs));
    }
    return this.tracker.confirming ? confirmIntervalMs : intervalMs;
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const startedAt = clock.now();
    try {
      const reading = await this.#collector.poll(this.tracker.attentive, signal);
      if (signal.aborted) return;
      const skipped = Math.floor((clock.now() - startedAt) / this.config.poll.intervalMs);
      this.#accept(reading, skipped);
    } catch (error) {
      if (signal.aborted) return;
      this.#refuse(asFailure(error), clock.now() - startedAt);
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
    this.#surveys.retain((peer) => isPeerOf(reading, peer));
    this.#publish({
      target: this.config.name,
      system: this.config.system,
      lastPoll: at.toISOString(),
      outcome,
      signals,
      findings,
      absences: reading.absences,
      standingKeys: this.#surveys.render(this.#deps.show),
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
    const ids = new Set(hot.map(({ id }) => id));
    this.#budget.retain(ids);
    for (const id of this.#probeFailures.keys()) if (id !== SURVEY && !ids.has(id)) this.#probeFailures.delete(id);
    if (this.#probing !== undefined || signal.aborted || this.#failuresInARow > 0 || !this.config.probe.enabled) return;
    const isDue = (hotspot: Hotspot) =>
      !hotspot.calm && this.#budget.isDue(hotspot.id, now) && !isSilent(this.#reading, hotspot);
    const all = hot.filter(isDue);
    // One without a name first: repeats can wait.
    const due = all.find(({ id }) => this.#budget.isFirst(id)) ?? all[0];
    if (due === undefined) return;
    const first = this.#budget.isFirst(due.id);
    if (!this.#budget.isAffordable(first, now)) {
      this.#budget.defer(due.id, now);
      this.#countProbe('over_budget', timeOnly(0));
      const budget = `the probe budget of ${this.config.probe.budgetMsPerHour} ms an hour`;
      const reason = first ? `${budget} is spent` : `the half of ${budget} that is for repeated probes is spent`;
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
      const result = await this.#collector.current.probe?.(hotspot, signal);
      if (result === undefined) return;
      const ok = result.keys.length > 0 || result.absences.length === 0;
      this.#countProbe(ok ? 'ok' : 'failed', result.cost);
      // After a reload the loop that took over speaks, by its redaction.
      if (signal.aborted) return;
      this.#probeFailures.delete(hotspot.id);
      this.#attach(hotspot, result);
    } catch (error) {
      if (signal.aborted) return;
      const failure = asFailure(error);
      const cost = timeOnly(clock.now() - startedAt);
      this.#countProbe('failed', cost);
      this.#sayProbeFailure(hotspot.id, failure);
      this.#attach(hotspot, {
        keys: [],
        absences: [{ scope: 'keys', peer: hotspot.peer, code: failure.code, reason: failure.message }],
        cost,
      });
    } finally {
      const { id } = hotspot;
      const remembered = this.tracker.recall(id);
      // With the key as it is: redaction may write two keys alike.
      const finding = remembered?.render((key) => key);
      const explained = finding?.cause.id !== 'undetermined';
      const said = finding && JSON.stringify([finding.cause.id, finding.keys[0]?.key]);
      const isOpen = this.tracker.hotspots.some((known) => known.id === id && known.state === 'open');
      const durationMs = clock.now() - startedAt;
      this.#budget.spend({ id, durationMs, explained, ...(isOpen && said !== undefined && { said }) }, clock.now());
    }
  }

  #countProbe(outcome: Parameters<typeof withProbe>[1], cost: Cost): void {
    this.#status = { ...this.#status, totals: withProbe(this.#status.totals, outcome, cost) };
  }

  /** @param of the hotspot's id, or SURVEY */
  #sayProbeFailure(of: string, failure: Failure): void {
    if (this.#probeFailures.get(of) !== failure.code) this.#deps.onFailure(this.config.name, 'probe', failure);
    this.#probeFailures.set(of, failure.code);
  }

  /** On the slow schedule, only while all is calm: keys that are always hot are known before they become a hotspot. */
  #surveyIfDue(signal: AbortSignal): void {
    const { enabled, sweep, surveyMs } = this.config.probe;
    const now = this.#deps.clock.now();
    const busy = this.#probing !== undefined || this.tracker.attentive || this.#failuresInARow > 0 || signal.aborted;
    const peers = new Set(this.#reading?.samples.map(({ peer, owner }) => owner ?? peer)).size;
    if (!enabled || !sweep || surveyMs === 0 || busy || peers === 0) return;
    this.#nextSurveyAt ??= now + Math.min(FIRST_SURVEY_MS, surveyMs);
    if (now < this.#nextSurveyAt || !this.#budget.isAffordable(false, now)) return;
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
      const survey = await this.#collector.current.survey?.(signal);
      if (survey === undefined) return;
      this.#countProbe('ok', survey.cost);
      this.#surveys.add(survey, clock.date());
      this.#probeFailures.delete(SURVEY);
      this.#status = { ...this.#status, standingKeys: this.#surveys.render(show) };
    } catch (error) {
      if (signal.aborted) return;
      this.#sayProbeFailure(SURVEY, asFailure(error));
      this.#countProbe('failed', timeOnly(clock.now() - startedAt));
    } finally {
      this.#budget.spend({ durationMs: clock.now() - startedAt, explained: true }, clock.now());
    }
  }

  #attach(hotspot: Hotspot, result: Parameters<HotspotTracker['attach']>[1]): void {
    this.tracker.attach(hotspot.id, result, this.#deps.clock.date());
    this.#probed = undefined;
    if (this.#reading !== undefined) this.#publish({ ...this.#status, findings: this.#findings(this.#status.signals) });
  }
}

function neverPolled({ name, system }: TargetConfig): TargetStatus {
  return {
    target: name,
    system,
    signals: [],
    findings: [],
    absences: [],
    standingKeys: [],
    totals: NO_TOTALS,
  };
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure('internal', error instanceof Error ? error.message : String(error), { cause: error });
}
