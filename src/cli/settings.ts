/** Where a command's configuration comes from: --config, HOTSPOT_CONFIG, ./hotspot.yaml, or the environment alone. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Environment, type LoadResult, loadConfig, loadConfigFile } from '../config.ts';

export type Source =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment' }
  /** Nothing was configured. */
  | { readonly kind: 'none' };

const DEFAULT_FILE = 'hotspot.yaml';

export function findSource(option: string | undefined, env: Environment, cwd: string): Source {
  const named = option ?? env['HOTSPOT_CONFIG'];
  if (named !== undefined && named !== '') return { kind: 'file', path: resolve(cwd, named) };
  const usual = resolve(cwd, DEFAULT_FILE);
  if (existsSync(usual)) return { kind: 'file', path: usual };
  return env['HOTSPOT_REDIS_URL'] === undefined ? { kind: 'none' } : { kind: 'environment' };
}

export function loadFrom(source: Source, env: Environment): LoadResult {
  const readFile = (path: string) => readFileSync(path, 'utf8');
  if (source.kind === 'file') return loadConfigFile({ path: source.path, env, readFile });
  return loadConfig({ text: undefined, path: undefined, env, readFile });
}
