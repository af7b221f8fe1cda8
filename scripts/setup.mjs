/** Installs and builds what is missing or old. Plain JavaScript without dependencies: it runs before anything is there. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = [20, 19];

/** Ends the process with code 2 and a sentence on what to do where it cannot. `log` gets what is being done. */
export function setUp(log = (line) => console.log(line)) {
  assertNode();
  install(log);
  build(log);
}

function assertNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  fail(
    `This is Node ${process.versions.node}; ${OLDEST_NODE.join('.')} or newer is needed. Install a newer Node and run the command again.`,
  );
}

function install(log) {
  if (isInstalled()) return;
  log('setup: installing the packages of package-lock.json (npm ci)');
  run(
    'npm',
    ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
    'npm ci failed. It needs npm and a package registry that npm can reach (npm config get registry).',
  );
}

/** Compares what npm says it installed with what the lock file asks for: times say nothing after a fresh checkout. */
function isInstalled() {
  const installed = readPackages(path.join('node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  return Object.entries(readPackages('package-lock.json') ?? {}).every(([name, wanted]) => {
    if (name === '') return true;
    const found = installed[name];
    // Packages of other platforms are in the lock file only.
    return found === undefined ? wanted.optional === true : found.version === wanted.version;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(path.join(ROOT, file), 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function build(log) {
  const started = Date.now();
  run(
    process.execPath,
    [path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'],
    'The build failed: the errors are above.',
  );
  log(`setup: built (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}

function run(program, args, advice) {
  // What npm and tsc print goes to stderr: stdout belongs to the command that is being set up (scan --json).
  const result = spawnSync(program, args, { cwd: ROOT, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (result.error?.code === 'ENOENT') fail(`${program} is not installed. ${advice}`);
  if (result.signal) process.exit(130);
  if (result.status !== 0) fail(advice);
}

function fail(sentence) {
  console.error(sentence);
  process.exit(2);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setUp();
