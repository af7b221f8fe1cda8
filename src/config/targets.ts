/** The `targets` of the configuration: each checked by the schema and the rules of its system, then resolved. */
import {
  collectorKinds,
  isFields,
  type RawFields,
  type ReadFile,
  type RedisTargetConfig,
} from '../../collectors/index.ts';
import { type Outline, outlineOf } from './outline.ts';
import { explainIssue, type Mistake, nearestOf } from './problems.ts';
import { detectRules } from './rules.ts';
import { type DetectConfig, type PollConfig, rootSchema, targetSchemas } from './schema.ts';

export type TargetConfig = RedisTargetConfig & { readonly poll: PollConfig; readonly detect: DetectConfig };

type ConfiguredSystem = keyof typeof targetSchemas;

const systems = Object.keys(targetSchemas);

const outlines: Readonly<Record<ConfiguredSystem, Outline>> = { redis: outlineOf(targetSchemas.redis) };

/** The outline of a target as written; undefined when it does not say which system it is. */
export function outlineOfTarget(target: unknown): Outline | undefined {
  const system = systemOf(target);
  return system === undefined ? undefined : outlines[system];
}

function systemOf(target: unknown): ConfiguredSystem | undefined {
  const system = isFields(target) ? target['system'] : undefined;
  return isSystem(system) ? system : undefined;
}

function isSystem(word: unknown): word is ConfiguredSystem {
  return typeof word === 'string' && Object.hasOwn(targetSchemas, word);
}

/** Everything that is wrong with one target. `detect` is the section outside the targets, as written. */
export function checkTarget(target: unknown, index: number, detect: unknown): Mistake[] {
  const place = ['targets', index] as const;
  if (!isFields(target)) {
    const message = target === null ? 'is empty' : 'is not a section';
    return [
      { path: place, part: 'value', message, allowed: ['a section with name, system and what the system needs'] },
    ];
  }
  const system = systemOf(target);
  if (system === undefined) return [unknownSystem(target, index)];

  const mistakes: Mistake[] = [];
  const parsed = targetSchemas[system].safeParse(target);
  const outline = outlines[system];
  for (const issue of parsed.error?.issues ?? []) {
    for (const mistake of explainIssue(issue, target, outline)) {
      mistakes.push({ ...mistake, path: [...place, ...mistake.path] });
    }
  }
  const report = (path: readonly (string | number)[], message: string) => {
    mistakes.push({ path: [...place, ...path], part: 'key', message });
  };
  collectorKinds[system].targetRules(target, report);
  const overrides = target['detect'];
  if (isFields(overrides) && ['openSkew', 'resolveSkew', 'suspectSkew'].some((key) => overrides[key] !== undefined)) {
    detectRules({ ...withDetectDefaults(detect), ...overrides }, ['detect'], report);
  }
  return mistakes;
}

export function withDetectDefaults(detect: unknown): RawFields {
  return { ...rootSchema.shape.detect.parse({}), ...(isFields(detect) && detect) };
}

function unknownSystem(target: RawFields, index: number): Mistake {
  const system = target['system'];
  const path = ['targets', index, 'system'];
  if (system === undefined) return { path, part: 'value', message: 'is missing', allowed: systems };
  const nearest = typeof system === 'string' ? nearestOf(system, systems) : undefined;
  const message = 'is not a system that can be watched';
  return { path, part: 'value', message, allowed: systems, ...(nearest !== undefined && { nearest }) };
}

/** A target without mistakes as its collector receives it, with the defaults of the sections outside it. */
export function resolveTarget(
  target: unknown,
  base: { readonly poll: PollConfig; readonly detect: DetectConfig },
  readFile: ReadFile,
): TargetConfig {
  const { name, system, poll, detect, ...settings } = targetSchemas.redis.parse(target);
  return {
    ...collectorKinds[system].resolveTarget(name, settings, readFile),
    poll: merged(base.poll, poll),
    detect: merged(base.detect, detect),
  };
}

/** `overrides` never holds an explicit undefined: YAML has none. */
function merged<T extends object>(base: T, overrides: object | undefined): T {
  return { ...base, ...overrides };
}
