/**
 * How much of an hour the probes of one target may take, and when the same hotspot may be probed again.
 *
 * Half of the budget is kept for first probes: hotspots that stand for hours and surveys must not spend what a new
 * hotspot needs to get a name.
 */

const HOUR_MS = 3_600_000;
/** After a first probe that named nothing, or nothing that explains the hotspot; twice that after the second, and so on. */
const RETRY_MS = 2000;
/** The part of the budget for all but first probes. */
const REPEATS_PART = 0.5;
/** Repeats that only confirm what is known come ever more seldom: the time doubles up to this often. */
const MAX_REPEAT_FACTOR = 8;

export interface ProbeLimits {
  readonly budgetMsPerHour: number;
  readonly repeatMs: number;
}

/** A hotspot by its id; nothing in particular for a survey. */
export interface ProbeSpending {
  readonly id?: string;
  readonly durationMs: number;
  /** Whether the hotspot has a cause now. */
  readonly explained: boolean;
  /** What is said of an open hotspot, cause and key: as long as it stays the same, repeats come more seldom. */
  readonly said?: string;
}

interface Known {
  readonly nextAt: number;
  /** False where the probe was refused for the budget: the next one is still its first. */
  readonly probed: boolean;
  readonly explained: boolean;
  /** How often the wait has doubled, as a factor. */
  readonly factor: number;
  readonly said?: string;
}

export class ProbeBudget {
  /** In use from the next question on: a reload changes them. */
  limits: ProbeLimits;
  readonly #spent: { readonly at: number; readonly durationMs: number; readonly first: boolean }[] = [];
  readonly #known = new Map<string, Known>();

  constructor(limits: ProbeLimits) {
    this.limits = limits;
  }

  isDue(id: string, now: number): boolean {
    return now >= (this.#known.get(id)?.nextAt ?? Number.NEGATIVE_INFINITY);
  }

  /** Whether a probe of this hotspot would be its first. */
  isFirst(id: string): boolean {
    return this.#known.get(id)?.probed !== true;
  }

  /**
   * False when what it may take of an hour is spent: then it is affordable again once the oldest probe is an hour old.
   * @param first whether it is the first probe of a hotspot, which may use all of the budget
   */
  isAffordable(first: boolean, now: number): boolean {
    while (this.#spent[0] !== undefined && now - this.#spent[0].at >= HOUR_MS) this.#spent.shift();
    const { budgetMsPerHour } = this.limits;
    let allMs = 0;
    let repeatsMs = 0;
    for (const spent of this.#spent) {
      allMs += spent.durationMs;
      if (!spent.first) repeatsMs += spent.durationMs;
    }
    return allMs < budgetMsPerHour && (first || repeatsMs < budgetMsPerHour * REPEATS_PART);
  }

  spend({ id, durationMs, explained, said }: ProbeSpending, now: number): void {
    const first = id !== undefined && this.isFirst(id);
    if (durationMs > 0) this.#spent.push({ at: now, durationMs, first });
    if (id === undefined) return;
    const { repeatMs } = this.limits;
    const before = this.#known.get(id);
    const same = explained ? said !== undefined && said === before?.said : before?.explained === false;
    const factor = same && before !== undefined ? before.factor * 2 : 1;
    const waitMs = explained
      ? repeatMs * Math.min(MAX_REPEAT_FACTOR, factor)
      : Math.min(RETRY_MS * factor, this.#sustainableMs(durationMs));
    this.#known.set(id, { nextAt: now + waitMs, probed: true, explained, factor, ...(said !== undefined && { said }) });
  }

  /** The wait at which probes that take so long each may go on for ever: a node that is busy without a hot key must not spend the budget in vain. */
  #sustainableMs(durationMs: number): number {
    return Math.max(RETRY_MS, (durationMs * HOUR_MS) / (this.limits.budgetMsPerHour * REPEATS_PART));
  }

  /** Asks again later: the budget had nothing left for it. */
  defer(id: string, now: number): void {
    const before = this.#known.get(id) ?? { probed: false, explained: true, factor: 1 };
    this.#known.set(id, { ...before, nextAt: now + this.limits.repeatMs });
  }

  /** Forgets hotspots that are no more, so that one that heats up again is probed at once. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
  }
}
