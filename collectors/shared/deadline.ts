/**
 * Bounds work in time. Not by AbortSignal.any with AbortSignal.timeout: on Node 20 nothing holds such a timeout, and once
 * the garbage collector has run it never fires.
 */

/**
 * @param work is handed a signal that aborts with `signal` or after `ms`, whichever comes first; it has to heed it
 * @returns what the work returns
 */
export async function withDeadline<T>(
  signal: AbortSignal,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const end = () => ending.abort(signal.reason);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  const late = () => ending.abort(new DOMException(`not done within ${ms} ms`, 'TimeoutError'));
  const timer = setTimeout(late, ms);
  try {
    return await work(ending.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}
