/** Debian's promtool, fetched without root and cached under `.cache/tools`, for the tests that lint our metrics and rules. */
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type CommandResult, explainFailure, runCommand } from '../../../src/tour/command.ts';
import { downloadPackages, ownLists, unpackPackages } from '../../../src/tour/debian.ts';
import { ROOT } from './process.ts';

const TOOLS = path.join(ROOT, '.cache', 'tools');
const PREFIX = 'promtool-';

/** The path of promtool, or undefined after skipping the test with the reason; with CI=true its lack is a failure. */
export async function promtoolOrSkip(t: TestContext): Promise<string | undefined> {
  try {
    return (await installed()) ?? (await cached()) ?? (await fetched());
  } catch (error) {
    const { CI } = process.env;
    if (CI === 'true') throw error;
    t.skip(`promtool could not be had: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function installed(): Promise<string | undefined> {
  return (await runCommand('promtool', ['--version'])).code === 0 ? 'promtool' : undefined;
}

async function cached(): Promise<string | undefined> {
  const names = await readdir(TOOLS).catch(() => []);
  const newest = names.filter((name) => name.startsWith(PREFIX)).toSorted((a, b) => b.localeCompare(a, 'en'))[0];
  return newest === undefined ? undefined : path.join(TOOLS, newest, 'promtool');
}

async function fetched(): Promise<string> {
  console.log('fetching promtool into .cache/tools');
  await mkdir(TOOLS, { recursive: true });
  const staging = await mkdtemp(path.join(TOOLS, '.partial-'));
  try {
    const apt = ['-o', 'APT::Sandbox::User='];
    await downloadPackages(staging, ['prometheus'], apt, {}).catch(async () =>
      // A fresh image has no package lists; ours need no root.
      downloadPackages(staging, ['prometheus'], await ownLists(staging, {}), {}),
    );
    await unpackPackages(staging, {});
    const program = path.join(staging, 'root', 'usr', 'bin', 'promtool');
    const version = versionOf(await runCommand(program, ['--version']));
    const place = path.join(TOOLS, `${PREFIX}${version}`);
    const alone = await mkdtemp(path.join(TOOLS, '.partial-'));
    await rename(program, path.join(alone, 'promtool'));
    await rm(place, { recursive: true, force: true });
    await rename(alone, place);
    return path.join(place, 'promtool');
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function versionOf(result: CommandResult): string {
  const version = /version (\d+\.\d+\.\d+)/.exec(`${result.stdout}${result.stderr}`)?.[1];
  if (result.code !== 0 || version === undefined) throw new Error(explainFailure(result));
  return version;
}
