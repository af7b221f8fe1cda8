/**
 * YAML and environment → the configuration, every default filled, every override merged, every secret read; or all
 * that is wrong with it at once. No I/O but the `readFile` handed in.
 */
import { createHash } from 'node:crypto';
import { isFields, resolveSecret, type Secret } from '../collectors/index.ts';
import { type Environment, overlayEnvironment } from './config/environment.ts';
import { openConfigFiles, type ReadFileText, reasonOf } from './config/files.ts';
import { outlineOf, pathText } from './config/outline.ts';
import { explainIssue, type Mistake, type Problem, sortProblems } from './config/problems.ts';
import { detectRules, keysRules, nameRules } from './config/rules.ts';
import { type DetectConfig, type PollConfig, type RootInput, rootSchema } from './config/schema.ts';
import {
  checkTarget,
  outlineOfTarget,
  resolveTarget,
  type TargetConfig,
  withDetectDefaults,
} from './config/targets.ts';
import { type ParsedYaml, parseYaml } from './config/yaml.ts';

export type { RedisTargetConfig } from '../collectors/index.ts';
export type { Environment } from './config/environment.ts';
export { formatProblems, type Problem } from './config/problems.ts';
export { configReference } from './config/reference.ts';
export type { DetectConfig, PollConfig } from './config/schema.ts';
export type { TargetConfig } from './config/targets.ts';

/** How keys leave the agent. */
export type KeysConfig =
  | { readonly show: 'plain' }
  | { readonly show: 'prefix'; readonly prefixLength: number }
  | { readonly show: 'hmac'; readonly secret: Secret };

export interface Config {
  readonly listen: { readonly host: string; readonly port: number };
  readonly log: { readonly level: RootInput['log']['level'] };
  readonly poll: PollConfig;
  readonly detect: DetectConfig;
  readonly keys: KeysConfig;
  readonly expose: { readonly topPeers: number; readonly topKeys: number };
  readonly targets: readonly TargetConfig[];
}

/** `fingerprint` is the same as long as the text and every file it names are. */
export type LoadResult =
  | { readonly ok: true; readonly config: Config; readonly fingerprint: string }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly fingerprint: string };

export interface LoadOptions {
  /** YAML; undefined when there is no file and the environment says it all. */
  readonly text: string | undefined;
  /** Of the file, for paths relative to it. */
  readonly path: string | undefined;
  readonly env: Environment;
  readonly readFile: ReadFileText;
}

const rootOutline = outlineOf(rootSchema);

/** Never throws for anything a user can write. */
export function loadConfig(options: LoadOptions): LoadResult {
  const yaml = options.text === undefined ? undefined : parseYaml(options.text);
  const overlaid = overlayEnvironment(yaml?.value ?? undefined, options.env, rootOutline);
  const files = openConfigFiles(options.path, options.readFile);
  const problems: Problem[] = [...(yaml?.problems ?? []), ...overlaid.problems];

  const unreadable = yaml !== undefined && yaml.value === undefined && yaml.problems.length > 0;
  if (!unreadable) {
    const mistakes = checkRoot(overlaid.value);
    mistakes.push(...files.collect(overlaid.value, rootOutline, []));
    for (const [index, target] of targetsOf(overlaid.value).entries()) {
      const outline = outlineOfTarget(target);
      if (outline !== undefined) mistakes.push(...files.collect(target, outline, ['targets', index]));
    }
    problems.push(...mistakes.map((mistake) => placed(mistake, yaml, overlaid.origin(mistake.path))));
  }

  const fingerprint = createHash('sha256')
    .update(JSON.stringify([options.text, files.contents()]))
    .digest('hex');
  if (problems.length > 0) return { ok: false, problems: sortProblems(problems), fingerprint };
  return { ok: true, config: resolve(overlaid.value, (written) => files.read(written)), fingerprint };
}

/** Reads the file at `path` and loads it; a file that cannot be read is a problem like any other. */
export function loadConfigFile(options: Omit<LoadOptions, 'text' | 'path'> & { readonly path: string }): LoadResult {
  let text: string;
  try {
    text = options.readFile(options.path);
  } catch (error) {
    const message = `cannot be read: ${reasonOf(error)}`;
    return { ok: false, problems: [{ path: '', message }], fingerprint: message };
  }
  return loadConfig({ ...options, text });
}

function checkRoot(value: unknown): Mistake[] {
  const mistakes: Mistake[] = [];
  for (const issue of rootSchema.safeParse(value).error?.issues ?? []) {
    mistakes.push(...explainIssue(issue, value, rootOutline).map(withTargetHint));
  }
  if (!isFields(value)) return mistakes;
  const report = (path: readonly (string | number)[], message: string) => mistakes.push({ path, part: 'key', message });
  detectRules(withDetectDefaults(value['detect']), ['detect'], report);
  if (isFields(value['keys'])) keysRules(value['keys'], report);
  const targets = targetsOf(value);
  nameRules(targets, report);
  for (const [index, target] of targets.entries()) mistakes.push(...checkTarget(target, index, value['detect']));
  return mistakes;
}

function withTargetHint(mistake: Mistake): Mistake {
  if (pathText(mistake.path) !== 'targets') return mistake;
  return { ...mistake, message: `${mistake.message}: name at least one target to watch, or set HOTSPOT_REDIS_URL` };
}

function targetsOf(value: unknown): readonly unknown[] {
  return isFields(value) && Array.isArray(value['targets']) ? value['targets'] : [];
}

/** The mistake with its line, or with the variable that made it. */
function placed(mistake: Mistake, yaml: ParsedYaml | undefined, variable: string | undefined): Problem {
  const { path, part, ...rest } = mistake;
  if (variable !== undefined) return { path: variable, ...rest };
  return { path: pathText(path), ...yaml?.position(path, part), ...rest };
}

function resolve(value: unknown, readFile: (written: string) => string): Config {
  const { listen, log, poll, detect, keys, expose, targets } = rootSchema.parse(value);
  return {
    listen,
    log,
    poll,
    detect,
    keys: resolveKeys(keys, readFile),
    expose,
    targets: targets.map((target) => resolveTarget(target, { poll, detect }, readFile)),
  };
}

function resolveKeys(keys: RootInput['keys'], readFile: (written: string) => string): KeysConfig {
  if (keys.show === 'plain') return { show: 'plain' };
  if (keys.show === 'prefix') return { show: 'prefix', prefixLength: keys.prefixLength };
  const secret = resolveSecret(keys.secret, keys.secretFile, readFile);
  if (secret === undefined) throw new TypeError('keys.show is hmac without a secret: the rules refuse that');
  return { show: 'hmac', secret };
}
