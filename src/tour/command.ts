/** Runs a program to its end and returns what it said. Nothing here interprets the output. */
import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface CommandResult {
  /** The exit code; missing when the program could not be started or was ended by a signal. */
  readonly code?: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Why there is no exit code, in words. */
  readonly failure?: string;
}

/** Never rejects: a program that is missing, killed or late is a result with a `failure`. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { cwd, env, signal, timeoutMs = 120_000 } = options;
  if (signal?.aborted) return Promise.resolve({ stdout: '', stderr: '', failure: 'interrupted' });
  return new Promise((resolve) => {
    let stdout = '';
    let stderr = '';
    let failure: string | undefined;
    const child = spawn(program, args, {
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env: { ...env } }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stop = (why: string) => {
      failure ??= why;
      child.kill('SIGKILL');
    };
    const onAbort = () => stop('interrupted');
    const timer = setTimeout(() => stop(`no end after ${timeoutMs / 1000} s`), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const finish = (code: number | null, why?: string) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      const reason = failure ?? why;
      resolve({
        stdout,
        stderr,
        ...(code === null || reason !== undefined ? {} : { code }),
        ...(reason === undefined ? {} : { failure: reason }),
      });
    };
    child.once('error', (error: NodeJS.ErrnoException) =>
      finish(null, error.code === 'ENOENT' ? 'not installed' : error.message),
    );
    child.once('close', (code, ended) => finish(code, ended === null ? undefined : `ended by ${ended}`));
  });
}

/** One line that says why a command did not do its job. */
export function explainFailure(result: CommandResult): string {
  if (result.failure !== undefined) return result.failure;
  const lines = `${result.stderr}\n${result.stdout}`.split('\n').filter((line) => line.trim() !== '');
  // Package managers put the reason in their last error line, after warnings and progress.
  const reason = lines.findLast((line) => /^(E:|ERROR|error)/.test(line)) ?? lines.at(-1) ?? 'no output';
  return `exit code ${result.code}: ${reason.trim()}`;
}
