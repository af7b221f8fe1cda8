/** How much of an hour the probes of one target may take, and when the same hotspot may be probed again. */

const HOUR_MS = 3_600_000;
/** After a probe that named nothing, or nothing that explains the hotspot. */
const RETRY_MS = 10_000;

export interface ProbeLimits {
  readonly budgetMsPerHour: number;
  readonly repeatMs: number;
}

export class ProbeBudget {
  readonly #limits: ProbeLimits;
  readonly #spent: { readonly at: number; readonly durationMs: number }[] = [];
  readonly #nextAt = new Map<string, number>();

  constructor(limits: ProbeLimits) {
    this.#limits = limits;
  }

  isDue(id: string, now: number): boolean {
    return now >= (this.#nextAt.get(id) ?? Number.NEGATIVE_INFINITY);
  }

  /** False when an hour's budget is spent: then it is due again once the oldest probe is an hour old. */
  isAffordable(now: number): boolean {
    while (this.#spent[0] !== undefined && now - this.#spent[0].at >= HOUR_MS) this.#spent.shift();
    let spentMs = 0;
    for (const { durationMs } of this.#spent) spentMs += durationMs;
    return spentMs < this.#limits.budgetMsPerHour;
  }

  spend(id: string, durationMs: number, explained: boolean, now: number): void {
    if (durationMs > 0) this.#spent.push({ at: now, durationMs });
    this.#nextAt.set(id, now + (explained ? this.#limits.repeatMs : Math.min(RETRY_MS, this.#limits.repeatMs)));
  }

  /** Forgets hotspots that are no more, so that one that heats up again is probed at once. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#nextAt.keys()) if (!ids.has(id)) this.#nextAt.delete(id);
  }
}
