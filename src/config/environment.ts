/**
 * Environment variables over the file. Every value outside the targets has one, named after its path: `poll.intervalMs`
 * is HOTSPOT_POLL_INTERVAL_MS. A variable with the prefix that nothing reads is a mistake and is reported as one.
 */
import { isFields, type RawFields } from '../../collectors/index.ts';
import { leaves, type Outline, type Path, pathText } from './outline.ts';
import { nearestOf, type Problem } from './problems.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'HOTSPOT_';
const URL = 'HOTSPOT_REDIS_URL';
const PASSWORD = 'HOTSPOT_REDIS_PASSWORD';
const PASSWORD_FILE = 'HOTSPOT_REDIS_PASSWORD_FILE';

/** Variables that are not a field of the configuration, with what they mean. */
export const SPECIAL_VARIABLES: ReadonlyMap<string, string> = new Map([
  ['HOTSPOT_CONFIG', 'Path of the configuration file.'],
  [URL, 'Seeds separated by commas: makes one target named `redis` when the file has no targets or there is no file.'],
  [PASSWORD, 'Password of the redis targets that give none.'],
  [PASSWORD_FILE, 'The same from a file.'],
  ['HOTSPOT_REDIS_SERVER', 'Path of the server that the tour starts.'],
]);

export interface Overlaid {
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** The variable that gave the value at `path` or around it. */
  origin(path: Path): string | undefined;
}

/** What the file says with what the environment says over it. */
export function overlayEnvironment(file: unknown, env: Environment, root: Outline): Overlaid {
  const variables = variablesOf(root);
  const origins = new Map<string, string>();
  const problems: Problem[] = [];
  let value: unknown = file ?? {};
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || text === undefined || text === '') continue;
    const variable = variables.get(name);
    if (variable !== undefined) {
      value = withValue(value, variable.path, coerce(text, variable.leaf));
      origins.set(pathText(variable.path), name);
    } else if (!SPECIAL_VARIABLES.has(name) && !isServiceLink(name, text)) {
      problems.push(unknownVariable(name, [...variables.keys(), ...SPECIAL_VARIABLES.keys()]));
    }
  }
  value = withRedisTarget(value, env, origins, problems);
  value = withRedisPassword(value, env, origins, problems);
  return { value, problems, origin: (path) => originOf(path, origins) };
}

/** The variable of every value outside the targets. */
export function variablesOf(
  root: Outline,
): ReadonlyMap<string, { readonly path: readonly string[]; readonly leaf: Outline }> {
  const variables = new Map<string, { readonly path: readonly string[]; readonly leaf: Outline }>();
  for (const { path, leaf } of leaves(root)) {
    if (!path.includes('[]')) variables.set(variableName(path), { path, leaf });
  }
  return variables;
}

export function variableName(path: readonly string[]): string {
  return PREFIX + path.map((name) => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()).join('_');
}

/** Kubernetes sets HOTSPOT_…_SERVICE_HOST and HOTSPOT_…_PORT=tcp://… in every pod beside a Service of that name. */
function isServiceLink(name: string, text: string): boolean {
  if (/_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(name)) return true;
  return (
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
    (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(text))
  );
}

/** The text as the type of its field; left as it is where it is not one, for the schema to say so. */
function coerce(text: string, leaf: Outline): unknown {
  const trimmed = text.trim();
  if (leaf.type === 'number' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  if (leaf.type === 'boolean' && (trimmed === 'true' || trimmed === 'false')) return trimmed === 'true';
  return leaf.choices.length > 0 ? trimmed : text;
}

/** `value` with one field set. What is not a section is left alone: the schema reports it. */
function withValue(value: unknown, path: readonly string[], set: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return set;
  if (value !== undefined && value !== null && !isFields(value)) return value;
  const fields: RawFields = isFields(value) ? value : {};
  return { ...fields, [step]: withValue(fields[step], rest, set) };
}

function withRedisTarget(value: unknown, env: Environment, origins: Map<string, string>, problems: Problem[]): unknown {
  const urls = env[URL];
  if (urls === undefined || urls === '' || !isFields(value)) return value;
  if (value['targets'] !== undefined && value['targets'] !== null) {
    problems.push({
      path: URL,
      message: 'is set beside a file with targets: add the target to the file, or unset the variable',
    });
    return value;
  }
  origins.set('targets[0]', URL);
  const seeds = urls
    .split(',')
    .map((seed) => seed.trim())
    .filter((seed) => seed !== '');
  return { ...value, targets: [{ name: 'redis', system: 'redis', urls: seeds }] };
}

function withRedisPassword(
  value: unknown,
  env: Environment,
  origins: Map<string, string>,
  problems: Problem[],
): unknown {
  const given = [PASSWORD, PASSWORD_FILE].filter((name) => (env[name] ?? '') !== '');
  if (given.length > 1)
    problems.push({ path: PASSWORD_FILE, message: `is set beside ${PASSWORD}: set one of the two` });
  const [name] = given;
  if (name === undefined || !isFields(value) || !Array.isArray(value['targets'])) return value;
  const field = name === PASSWORD ? 'password' : 'passwordFile';
  const targets = value['targets'].map((target: unknown, index) => {
    if (!isFields(target) || target['system'] !== 'redis' || hasPassword(target)) return target;
    origins.set(`targets[${index}].${field}`, name);
    return { ...target, [field]: env[name] };
  });
  return { ...value, targets };
}

function hasPassword(target: RawFields): boolean {
  if (target['password'] !== undefined || target['passwordFile'] !== undefined) return true;
  // User info in the urls of a sentinel target is that of the sentinels.
  if (target['mode'] === 'sentinel' || !Array.isArray(target['urls'])) return false;
  return target['urls'].some((url: unknown) => typeof url === 'string' && url.includes('@'));
}

function originOf(path: Path, origins: ReadonlyMap<string, string>): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const name = origins.get(pathText(path.slice(0, length)));
    if (name !== undefined) return name;
  }
  return undefined;
}

function unknownVariable(name: string, known: readonly string[]): Problem {
  const nearest = nearestOf(name, known);
  return {
    path: name,
    message: 'unknown environment variable: nothing reads it',
    ...(nearest === undefined ? { allowed: known } : { nearest }),
  };
}
