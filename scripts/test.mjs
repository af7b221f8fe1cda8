/**
 * `npm test [unit|servers|all] [part of a file's name …]`: sets up, runs the tests and ends with one line of counts.
 * `unit` takes seconds; `servers` starts real servers (test/servers and *.slow.test.ts); `all`, the default, runs the
 * linters too. With CI=true a server test that is skipped is a failure.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { ROOT, setUp } from './setup.mjs';

const PARTS = ['unit', 'servers', 'all'];
const UNIT_FILE_TIMEOUT_MS = 120_000;
const SERVER_FILE_TIMEOUT_MS = 600_000;
const CI = process.env.CI === 'true';

const counts = { passed: 0, failed: 0, skipped: 0 };

async function main() {
  const args = process.argv.slice(2);
  const part = PARTS.includes(args[0]) ? args.shift() : 'all';
  setUp();
  const files = testFiles(args);
  if (part === 'all' && args.length === 0) lint();
  if (part !== 'servers') {
    await runFiles(
      'unit tests',
      files.filter((file) => !isServerTest(file)),
      os.availableParallelism(),
      UNIT_FILE_TIMEOUT_MS,
    );
  }
  // One after the other: they measure load on the processors they share.
  if (part !== 'unit') await runFiles('tests on real servers', files.filter(isServerTest), 1, SERVER_FILE_TIMEOUT_MS);
  const ran = counts.passed + counts.failed > 0;
  if (!ran) console.error(`No test ran${args.length > 0 ? `: no file's name contains ${args.join(' or ')}` : ''}.`);
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
  process.exitCode = ran && counts.failed === 0 ? 0 : 1;
}

/** By their sources: dist may still hold tests that are no more. */
function testFiles(filters) {
  const sources = readdirSync(path.join(ROOT, 'test'), { recursive: true }).map(String);
  return sources
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => path.join('test', file))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
}

function isServerTest(file) {
  return file.startsWith(path.join('test', 'servers') + path.sep) || file.endsWith('.slow.test.ts');
}

function lint() {
  console.log('lint');
  const { status } = spawnSync('npm', ['run', '--silent', 'lint'], {
    cwd: ROOT,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status === 0) counts.passed++;
  else counts.failed++;
}

async function runFiles(title, sources, concurrency, timeoutMs) {
  if (sources.length === 0) return;
  console.log(`${title}: ${sources.length} files`);
  const leaves = new LeafCounter(title);
  const events = new PassThrough({ objectMode: true });
  const printed = print(events);
  const waiting = [...sources];
  const worker = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      const held = [];
      // One file at a time is shown as it goes; of several, each is shown whole when it has ended.
      const show = (event) => (concurrency === 1 ? events.write(event) : held.push(event));
      await runFile(source, timeoutMs, leaves, show);
      for (const event of held) events.write(event);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  events.end();
  await printed;
  for (const complaint of leaves.complaints) console.log(complaint);
}

/** A run of its own for each file, since only its signal ends a file that never ends, on every version of Node. */
async function runFile(source, timeoutMs, leaves, show) {
  const file = path.join(ROOT, 'dist', source.replace(/\.ts$/, '.js'));
  const signal = AbortSignal.timeout(timeoutMs);
  for await (const event of run({ files: [file], signal })) {
    if (event.type === 'test:pass') leaves.see(event.data, file, true);
    if (event.type === 'test:fail') leaves.see(event.data, file, false);
    const isSummary =
      event.type === 'test:summary' || (event.type === 'test:diagnostic' && event.data.file === undefined);
    if (!isSummary) show(event);
  }
  if (signal.aborted) leaves.complaints.push(`ended by us after ${timeoutMs / 1000} s: ${source}`);
}

async function print(events) {
  for await (const text of events.compose(new spec())) process.stdout.write(text);
}

/** Counts the tests that hold no others. A test is reported after those within it, one level deeper. */
class LeafCounter {
  complaints = [];
  #deeper = new Map();
  #mustRun;

  constructor(title) {
    this.#mustRun = CI && title === 'tests on real servers';
  }

  see({ name, nesting, skip, todo, details }, file, passed) {
    const at = `${file} ${nesting}`;
    const inner = `${file} ${nesting + 1}`;
    const isParent = this.#deeper.get(inner) ?? false;
    this.#deeper.set(inner, false);
    this.#deeper.set(at, true);
    if (!passed) {
      // A parent that fails because of a test within it was counted there.
      if (todo === undefined && details.error?.failureType !== 'subtestsFailed') counts.failed++;
    } else if (skip !== undefined || todo !== undefined) {
      if (this.#mustRun && skip !== undefined) {
        counts.failed++;
        this.complaints.push(
          `skipped, which CI=true does not allow: ${name} (${skip === true ? 'no reason given' : skip})`,
        );
      } else {
        counts.skipped++;
      }
    } else if (name === file || name === path.relative(process.cwd(), file)) {
      counts.failed++;
      this.complaints.push(`holds no test: ${name}`);
    } else if (!isParent) {
      counts.passed++;
    }
  }
}

await main();
