/** What each exit code means; `--help` prints it. */
export const EXIT = {
  /** run: stopped as asked. check: nothing wrong. scan: nothing is hot. */
  ok: 0,
  /** run: could not start or go on. check: a problem was found. scan: something is hot. */
  found: 1,
  /** The command line is wrong, or scan could not look. */
  failed: 2,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
