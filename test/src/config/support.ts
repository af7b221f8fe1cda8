/** Loads configurations from text, with files made up for the test. */
import assert from 'node:assert/strict';
import {
  type Config,
  formatProblems,
  type LoadOptions,
  type LoadResult,
  loadConfig,
  type Problem,
} from '../../../src/config.ts';

export const MINIMAL = 'targets: [{ name: cache, system: redis, urls: [redis://10.0.0.1] }]\n';

export interface Given extends Partial<LoadOptions> {
  /** Their contents by path; the configuration is conf/hotspot.yaml. */
  readonly files?: Readonly<Record<string, string>>;
}

export function load(text: string | undefined, given: Given = {}): LoadResult {
  const readFile = (path: string): string => {
    const content = given.files?.[path];
    if (content === undefined) throw Object.assign(new Error(`ENOENT ${path}`), { code: 'ENOENT' });
    return content;
  };
  return loadConfig({ text, path: 'conf/hotspot.yaml', env: {}, readFile, ...given });
}

export function good(text: string | undefined, given?: Given): Config {
  const result = load(text, given);
  if (!result.ok) assert.fail(formatProblems(result.problems, 'hotspot.yaml'));
  return result.config;
}

export function bad(text: string | undefined, given?: Given): readonly Problem[] {
  const result = load(text, given);
  if (result.ok) assert.fail('the configuration was accepted');
  return result.problems;
}

/** The problems as they are printed, one each. */
export function lines(text: string | undefined, given?: Given): string[] {
  return formatProblems(bad(text, given), 'hotspot.yaml').split('\n');
}
