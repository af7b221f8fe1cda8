/**
 * `npm run docs`: writes the parts of README.md that are made from the code. With `-- --check` it writes nothing and
 * says which are not up to date. Exit codes: 0 up to date, 1 drift or broken markers, 2 wrong command line.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { README_BLOCKS } from './blocks.ts';
import { driftedBlocks, MarkerError, splice } from './splice.ts';

/** The compiled file lies in dist/src/docs. */
const README = fileURLToPath(new URL('../../../README.md', import.meta.url));

function main(args: readonly string[]): 0 | 1 | 2 {
  const check = args.includes('--check');
  const unknown = args.find((arg) => arg !== '--check');
  if (unknown !== undefined) {
    console.error(`unknown argument ${unknown}: only --check is known`);
    return 2;
  }
  const before = readFileSync(README, 'utf8');
  const drifted = driftedBlocks(before, README_BLOCKS);
  if (drifted.length === 0) {
    console.log('README.md is up to date');
    return 0;
  }
  if (check) {
    console.error(`README.md is not up to date in: ${drifted.join(', ')}. Run npm run docs and commit README.md.`);
    return 1;
  }
  writeFileSync(README, splice(before, README_BLOCKS));
  console.log(`README.md: wrote ${drifted.join(', ')}`);
  return 0;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof MarkerError)) throw error;
  console.error(`README.md: ${error.message}`);
  process.exitCode = 1;
}
