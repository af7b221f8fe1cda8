/** Time and chance, handed in so that tests can hold them still. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  readonly date: () => Date;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Rejects when the signal aborts. Returns at once for a time that is not positive. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** 0..1 */
  readonly random: () => number;
}

export const systemClock: Clock = {
  date: () => new Date(),
  now: () => performance.now(),
  sleep: async (ms, signal) => {
    signal.throwIfAborted();
    if (ms > 0) await delay(ms, undefined, { signal });
  },
  random: Math.random,
};
