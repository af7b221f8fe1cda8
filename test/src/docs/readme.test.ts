/** README.md says what the code does: made parts, flags, exit codes, formula, configuration, ACL rules. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { aclRules, LEAST_PRIVILEGE } from '../../../collectors/redis/acl.ts';
import { loadConfig } from '../../../src/config.ts';
import { noiseDeviations, noiseRatio, skewOf } from '../../../src/detect/skew.ts';
import { RULES } from '../../../src/diagnose/rules.ts';
import { README_BLOCKS } from '../../../src/docs/blocks.ts';
import { driftedBlocks } from '../../../src/docs/splice.ts';
import { CAUSES } from '../../../src/model.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const README = readFileSync(path.join(ROOT, 'README.md'), 'utf8');

test('the made parts are up to date: npm run docs mends it', () => {
  assert.deepEqual(driftedBlocks(README, README_BLOCKS), []);
});

function help(...command: readonly string[]): string {
  const { status, stdout } = spawnSync(process.execPath, [path.join(ROOT, 'dist/src/main.js'), ...command, '--help'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0);
  return stdout;
}

function rowOf(command: string): readonly string[] {
  const row = README.split('\n').find((line) => line.startsWith(`| \`${command}`) && line.split('|').length === 7);
  assert.ok(row, `README has no row of flags and exit codes for ${command}`);
  return row.split('|').map((cell) => cell.trim());
}

test('every command of --help has its row', () => {
  const listed = [...help().matchAll(/^ {2}([a-z]+) .*$/gm)].map(([, name]) => name ?? '');
  const commands = listed.filter((name) => name !== 'help');
  assert.ok(commands.length >= 3);
  for (const command of commands) rowOf(command);
});

for (const command of ['run', 'check', 'scan']) {
  test(`every flag and exit code of ${command} is documented in the words of its help`, () => {
    const text = help(command);
    const [, flags, zero, one, two] = rowOf(command).slice(1);
    const options = [...text.matchAll(/^ {2}((?:-\w, )?--[a-z-]+(?: <[a-z]+>)?)/gm)].map(([, flag]) => flag ?? '');
    assert.ok(options.includes('-h, --help'));
    for (const option of options.filter((flag) => flag !== '-h, --help')) {
      assert.ok(flags?.includes(`\`${option}\``), `README does not name ${option} of ${command}`);
    }
    const [, codes = ''] = /Exit codes: (.*)\./.exec(text) ?? [];
    assert.equal(codes, `0 ${zero}, 1 ${one}, 2 ${two}`);
  });
}

test('the worked example gives what it says', () => {
  const loads = [49_000, 12_000, 12_000] as const;
  const total = loads[0] + loads[1] + loads[2];
  const timesFair = (loads[0] * loads.length) / total;
  const noise = noiseRatio(loads[0], loads.length);
  const skew = skewOf(timesFair * (1 - noise), loads.length);
  const [example = ''] = /\*\*Recompute it\.\*\*[^|]*/.exec(README) ?? [];
  for (const said of [
    `= ${timesFair.toFixed(3)}.`,
    `= ${noiseDeviations(loads.length).toFixed(3)},`,
    `= ${(noise * 100).toFixed(2)} % off`,
    `r′ = ${(timesFair * (1 - noise)).toFixed(3)}.`,
    `**${skew.toFixed(3)}**`,
  ]) {
    assert.ok(example.includes(said), `the example should say "${said}"`);
  }
});

test('every cause that a rule can find is explained, and no other', () => {
  const found = new Set(RULES.map(({ cause }) => cause));
  for (const cause of CAUSES)
    assert.equal(new RegExp(`^\\| \`${cause}\` +\\|`, 'm').test(README), found.has(cause), cause);
});

test('the configuration it shows is one', () => {
  const shown = [...README.matchAll(/```yaml\n(# hotspot\.yaml\n[\s\S]*?)```/g)].map(([, text]) => text ?? '');
  assert.equal(shown.length, 1);
  for (const text of shown) {
    const loaded = loadConfig({ text, path: undefined, env: {}, readFile: () => 'secret' });
    assert.deepEqual(loaded.ok ? [] : loaded.problems, []);
  }
});

test('its ACL user has the rules that the collector needs, by version', () => {
  const lines = README.split('\n').filter((line) => line.startsWith('ACL SETUSER hotspot '));
  const rulesOf = (line: string) => (line.split('#')[0] ?? '').split(' ').filter((word) => /^[+\-%r]/.test(word));
  assert.deepEqual(rulesOf(lines[0] ?? ''), aclRules({ server: 'redis', version: '7.0.0' }));
  const named = (server: 'Redis' | 'Valkey', version: readonly number[] | undefined) =>
    version === undefined ? [] : [`${server} ${version.join('.')}`];
  const added = LEAST_PRIVILEGE.filter(({ since, monitorOnly }) => since !== undefined || monitorOnly === true);
  assert.equal(lines.length, 1 + added.length);
  for (const [index, { rules, since, monitorOnly }] of added.entries()) {
    const line = lines[index + 1] ?? '';
    assert.deepEqual(rulesOf(line), [...rules]);
    const when =
      monitorOnly === true
        ? 'only with probe.monitor: true'
        : `from ${[...named('Redis', since?.redis), ...named('Valkey', since?.valkey)].join(', ')}`;
    assert.equal(line.split('# ')[1], when);
  }
});
