/** A collector whose polls end in time, whatever it does: one that does not heed its deadline is replaced. */
import { Failure, withDeadline } from '../collectors/index.ts';
import type { Clock } from './clock.ts';
import type { Collector, Reading } from './model.ts';

/** What a poll is given beyond its deadline before its collector is replaced. */
const GRACE_MS = 1000;

export class GuardedCollector {
  readonly #create: () => Collector;
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  #collector: Collector;

  constructor(create: () => Collector, deadlineMs: number, clock: Clock) {
    this.#create = create;
    this.#deadlineMs = deadlineMs;
    this.#clock = clock;
    this.#collector = create();
  }

  get current(): Collector {
    return this.#collector;
  }

  /** @throws Failure `timeout` after the deadline, or what the collector throws */
  async poll(attentive: boolean, signal: AbortSignal): Promise<Reading> {
    // Not by AbortSignal.any: on Node 20 each one of it leaves an entry on the signal, which lives as long as the loop.
    const over = new AbortController();
    const end = () => over.abort(signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    try {
      return await Promise.race([
        withDeadline(signal, this.#deadlineMs, (within) => this.#collector.poll({ signal: within, attentive })),
        this.#clock.sleep(this.#deadlineMs + GRACE_MS, over.signal).then(() => {
          void this.#collector.stop();
          this.#collector = this.#create();
          throw new Failure(
            'timeout',
            `the poll did not end within ${this.#deadlineMs} ms; its connections were dropped`,
          );
        }),
      ]);
    } finally {
      signal.removeEventListener('abort', end);
      over.abort();
    }
  }
}
