/**
 * Turns cumulative counters into counts per window: the one place where a restart, a failover or a statistics reset
 * is told from traffic. A counter that went back is never a negative count nor a spike.
 */

export interface CounterWindow {
  readonly windowMs: number;
  /** What each counter grew by. A counter that was not there before counts from zero. */
  readonly counts: ReadonlyMap<string, number>;
}

export type CounterGap = 'warming' | 'reset';

interface Observation {
  readonly epoch: string;
  readonly atMs: number;
  readonly counters: ReadonlyMap<string, number>;
}

export class CounterWindows {
  readonly #last = new Map<string, Observation>();

  /**
   * @param series   what is counted, such as one node's calls
   * @param epoch    changes when the process behind the counters does (a run id): counts never span two epochs
   * @param atMs     when they were read, by the clock of the watched server where it has one
   * @param counters cumulative values
   * @returns the window since the last observation, or why there is none
   */
  observe(
    series: string,
    epoch: string,
    atMs: number,
    counters: ReadonlyMap<string, number>,
  ): CounterWindow | CounterGap {
    const before = this.#last.get(series);
    this.#last.set(series, { epoch, atMs, counters });
    if (before === undefined) return 'warming';
    const windowMs = atMs - before.atMs;
    if (before.epoch !== epoch || windowMs <= 0) return 'reset';
    const counts = new Map<string, number>();
    for (const [name, value] of counters) {
      const count = value - (before.counters.get(name) ?? 0);
      if (count < 0) return 'reset';
      counts.set(name, count);
    }
    // Resetting statistics forgets whole counters, which may then have grown past their old value: missing ones tell.
    for (const name of before.counters.keys()) if (!counters.has(name)) return 'reset';
    return { windowMs, counts };
  }

  /** Forgets the series of peers that left. */
  retain(keep: (series: string) => boolean): void {
    for (const series of this.#last.keys()) if (!keep(series)) this.#last.delete(series);
  }
}
