/**
 * Tells when the clock of a watched server was set: windows are measured by it, and one that stepped back by half a
 * window would double every rate. Our own monotonic clock does not step.
 */

/** A reply may come late: what a network or a paused process adds to a window is no step. */
const TOLERANCE_MS = 500;
const TOLERANCE_RATIO = 0.5;

export class ClockSteps {
  readonly #last = new Map<string, { serverMs: number; monotonicMs: number; steps: number }>();

  /** @returns how often the clock of this server has been seen to step: another number is another epoch */
  check(server: string, serverMs: number, monotonicMs: number): number {
    const last = this.#last.get(server);
    let steps = last?.steps ?? 0;
    if (last !== undefined) {
      const passedMs = monotonicMs - last.monotonicMs;
      const deviationMs = Math.abs(serverMs - last.serverMs - passedMs);
      if (deviationMs > TOLERANCE_MS + TOLERANCE_RATIO * passedMs) steps++;
    }
    this.#last.set(server, { serverMs, monotonicMs, steps });
    return steps;
  }

  retain(servers: ReadonlySet<string>): void {
    for (const server of this.#last.keys()) if (!servers.has(server)) this.#last.delete(server);
  }
}
