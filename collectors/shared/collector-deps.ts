/** What every collector is handed: time, and the bound on what one node may take of a poll. */
export interface CollectorDeps {
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** How long one node may take to answer a poll; a slow one is then absent and the others are still told. */
  readonly nodeDeadlineMs: number;
  /** Told while a probe sweeps: keys seen and keys there. */
  readonly onProgress?: (seen: number, total: number) => void;
}
