/**
 * Reloads the configuration when its file changes or someone asks for it. A file that is wrong is refused and the
 * configuration in use goes on.
 *
 * A notice of the folder is only a hint: a Kubernetes ConfigMap changes by the rename of a link beside the file, some
 * file systems give no notice at all, and a password file may lie elsewhere. So the truth is the fingerprint of what
 * a load reads, taken after each hint and, as a fallback, every `pollMs`.
 */
import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Config, LoadResult, Problem } from '../config.ts';

export interface WatchOptions {
  readonly path: string;
  /** Reads and checks everything anew; does not throw. */
  readonly load: () => LoadResult;
  /** The fingerprint of the configuration in use. */
  readonly fingerprint: string;
  readonly onChange: (config: Config) => void;
  /** Called once for each wrong content, and again when it is asked for by `trigger`. */
  readonly onRefused: (problems: readonly Problem[]) => void;
  readonly signal: AbortSignal;
  /** How long the folder has to be quiet: an editor writes a file in several steps. Milliseconds. */
  readonly debounceMs?: number;
  readonly pollMs?: number;
}

export interface ConfigWatch {
  /** Loads now, whatever the clock says: for SIGHUP. */
  trigger(): void;
}

/** Watches until `signal` aborts; keeps no process alive. */
export function watchConfig(options: WatchOptions): ConfigWatch {
  const { path, load, onChange, onRefused, signal, debounceMs = 200, pollMs = 5000 } = options;
  let inUse = options.fingerprint;
  let refused: string | undefined;

  const look = (asked: boolean): void => {
    if (signal.aborted) return;
    const result = load();
    if (result.fingerprint === inUse) {
      refused = undefined;
    } else if (result.ok) {
      inUse = result.fingerprint;
      refused = undefined;
      onChange(result.config);
    } else if (asked || result.fingerprint !== refused) {
      refused = result.fingerprint;
      onRefused(result.problems);
    }
  };

  let settling: NodeJS.Timeout | undefined;
  const hint = (): void => {
    clearTimeout(settling);
    settling = setTimeout(() => look(false), debounceMs).unref();
  };
  const folder = watchFolder(dirname(path), hint);
  const fallback = setInterval(() => look(false), pollMs).unref();

  const stop = (): void => {
    clearTimeout(settling);
    clearInterval(fallback);
    folder?.close();
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return { trigger: () => look(true) };
}

/** Undefined where the system gives no notices: no such folder, or its limit of watches is reached. */
function watchFolder(folder: string, onHint: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onHint);
    // The folder went away: the fallback goes on alone.
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
