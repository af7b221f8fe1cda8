import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const CONTRIBUTING = readFileSync(path.join(ROOT, 'CONTRIBUTING.md'), 'utf8');
const NOT_OURS = new Set(['node_modules', 'dist', '.cache', '.git']);

function folders(under = ''): string[] {
  return readdirSync(path.join(ROOT, under), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !(under === '' && NOT_OURS.has(entry.name)))
    .flatMap(({ name }) => [`${under}${name}/`, ...folders(`${under}${name}/`)]);
}

const listed = [...CONTRIBUTING.matchAll(/^\| `([^`]+\/)` +\| \S/gm)].map(([, folder]) => folder ?? '');

/** A folder of tests that mirrors a folder of code needs no line of its own. */
function isMirror(folder: string): boolean {
  return folder.startsWith('test/') && existsSync(path.join(ROOT, folder.slice('test/'.length)));
}

test('the tree names every folder', () => {
  const missing = folders().filter((folder) => !listed.includes(folder) && !isMirror(folder));
  assert.deepEqual(missing, [], 'add a line to the tree of CONTRIBUTING.md');
});

test('the tree names no folder that is not there', () => {
  assert.ok(listed.length > 10);
  assert.deepEqual(
    listed.filter((folder) => !existsSync(path.join(ROOT, folder))),
    [],
  );
});

test('every npm script it names is one', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
  const named = [...CONTRIBUTING.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name ?? '');
  assert.ok(named.length > 3);
  for (const name of named) assert.ok(Object.hasOwn(scripts, name), name);
});
