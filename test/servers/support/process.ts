/** The agent as a process of its own, run as its users run it, and what such a process must not leave behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../../../src/tour/cluster.ts';

/** The compiled file lies in dist/test/servers/support. */
export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
export const MAIN = path.join(ROOT, 'dist', 'src', 'main.js');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when the text stands in either stream, with what its first group matched. Rejects when the process ends first. */
  readonly says: (pattern: RegExp, withinMs?: number) => Promise<string>;
  /** To the whole group, as a terminal does with Ctrl-C. */
  readonly signal: (name: NodeJS.Signals) => void;
  readonly ended: Promise<Ended>;
}

export interface Workplace {
  /** An empty folder to run in. */
  readonly cwd: string;
  /** Everything temporary goes here. */
  readonly temp: string;
  readonly start: (command: readonly string[], env?: NodeJS.ProcessEnv) => Running;
  /** `hotspot-agent …` to its end. */
  readonly run: (args: readonly string[], env?: NodeJS.ProcessEnv) => Promise<Ended>;
  readonly startMain: (args: readonly string[], env?: NodeJS.ProcessEnv) => Running;
  /** Temporary files, and on Linux processes whose command line names this folder. */
  readonly leftovers: () => string[];
}

const WITHIN_MS = 30_000;

export function workplace(t: TestContext): Workplace {
  const root = mkdtempSync(path.join(tmpdir(), 'hotspot-agent-process-'));
  const children: ChildProcess[] = [];
  t.after(() => {
    for (const child of children) killGroup(child, 'SIGKILL');
    rmSync(root, { recursive: true, force: true, maxRetries: 3 });
  });
  const cwd = mkdtempSync(path.join(root, 'cwd-'));
  const temp = mkdtempSync(path.join(root, 'tmp-'));
  const start: Workplace['start'] = (command, env = {}) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      cwd,
      // npm keeps a cache of compiled code among the temporary files, from Node 22 on.
      env: { ...ownEnvironment(), NODE_DISABLE_COMPILE_CACHE: '1', TMPDIR: temp, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    children.push(child);
    return follow(child);
  };
  const startMain: Workplace['startMain'] = (args, env) => start([process.execPath, MAIN, ...args], env);
  return {
    cwd,
    temp,
    start,
    startMain,
    run: (args, env) => startMain(args, env).ended,
    leftovers: () => [...readdirSync(temp), ...commandLinesWith(temp)],
  };
}

/** Without anything that configures the agent or colours its output. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const given = Object.entries(process.env);
  return Object.fromEntries(
    given.filter(([name]) => !/^(HOTSPOT_|NO_COLOR$|FORCE_COLOR$|NODE_|npm_|CI$|DEBUG$)/.test(name)),
  );
}

function follow(child: ChildProcess): Running {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let isOver = false;
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    isOver = true;
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, stdout, stderr };
  });
  return {
    child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (name) => killGroup(child, name),
    async says(pattern, withinMs = WITHIN_MS) {
      let match: RegExpExecArray | null = null;
      const holds = async () => {
        match = pattern.exec(stdout) ?? pattern.exec(stderr);
        return match !== null || isOver;
      };
      const said = () => `it said:\n${stdout}\n${stderr}`;
      await until(String(pattern), holds, withinMs).catch((error: unknown) => {
        throw new Error(`${String(error)}; ${said()}`);
      });
      const found = pattern.exec(stdout) ?? pattern.exec(stderr);
      if (found === null) throw new Error(`it ended before it said ${pattern}; ${said()}`);
      return found[1] ?? found[0];
    },
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended already.
  }
}

function commandLinesWith(text: string): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return ''; // it has ended meanwhile
      }
    })
    .filter((line) => line.includes(text));
}
