/** Where a command writes, and how: colours only on a terminal that wants them, progress only where it can be wiped. */
import pc from 'picocolors';

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly colours: ReturnType<typeof pc.createColors>;
  /** Draws one line over itself; nothing where the error stream is no terminal. */
  readonly progress: (text: string) => void;
  readonly endProgress: () => void;
}

export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const CLEAR_LINE = '\r\u001b[2K';

export function openTerminal({ stdout, stderr, env }: Streams): Terminal {
  const plain = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  const wiped = stderr.isTTY === true;
  let drawn = false;
  const wipe = (): void => {
    if (drawn) stderr.write(CLEAR_LINE);
    drawn = false;
  };
  return {
    colours: pc.createColors(stdout.isTTY === true && !plain),
    out: (text) => {
      wipe();
      stdout.write(`${text}\n`);
    },
    err: (text) => {
      wipe();
      stderr.write(`${text}\n`);
    },
    progress: (text) => {
      if (!wiped) return;
      stderr.write(`${CLEAR_LINE}${text}`);
      drawn = true;
    },
    endProgress: wipe,
  };
}

const BAR_WIDTH = 30;

export function bar(ratio: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, ratio)) * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`;
}
