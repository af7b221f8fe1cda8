/**
 * Makes sure that servers we start never outlive us, however we end. A small shell waits on a pipe that only we hold:
 * when the pipe closes without a goodbye (a crash, kill -9), it kills the servers and removes their folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';

export interface Reaper {
  watch(pid: number): void;
  forget(pid: number): void;
  /** Removes the folder and ends the watch; the servers must have ended. */
  release(): Promise<void>;
}

const SCRIPT = `pids=' '
while read -r what pid; do
  case $what in
    watch) pids="$pids$pid " ;;
    forget) case $pids in *" $pid "*) pids="\${pids%% $pid *} \${pids#* $pid }" ;; esac ;;
  esac
done
for pid in $pids; do kill -9 "$pid"; done
rm -rf -- "$1"`;

/** `folder` is removed when we end. */
export function startReaper(folder: string): Reaper {
  const pids = new Set<number>();
  // In a group of its own, or a Ctrl-C in the terminal would end it before its work begins.
  const shell: ChildProcess = spawn('/bin/sh', ['-c', SCRIPT, 'reaper', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.on('error', () => {});
  shell.stdin?.on('error', () => {});
  shell.unref();
  const tell = (line: string) => shell.stdin?.write(`${line}\n`);
  // Faster than the shell where we end in good order but without stop().
  const onExit = () => {
    for (const pid of pids) killHard(pid);
    rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', onExit);
  return {
    watch(pid) {
      pids.add(pid);
      tell(`watch ${pid}`);
    },
    forget(pid) {
      pids.delete(pid);
      tell(`forget ${pid}`);
    },
    async release() {
      process.off('exit', onExit);
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
      const ended = shell.exitCode === null && shell.signalCode === null ? once(shell, 'exit') : undefined;
      shell.ref();
      shell.stdin?.end();
      await ended;
    },
  };
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
