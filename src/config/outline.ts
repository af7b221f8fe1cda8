/**
 * The outline of a schema: its fields as a tree, with everything that messages, environment variables and the
 * reference need to know of each. Nothing about a field is written twice.
 */
import * as z from 'zod';
import { isFields } from '../../collectors/index.ts';

export type Path = readonly (string | number)[];

export interface Outline {
  readonly kind: 'section' | 'list' | 'value';
  /** Of a section. */
  readonly fields: ReadonlyMap<string, Outline>;
  /** Of a list. */
  readonly items?: Outline;
  /** Of a value: how it is written. */
  readonly type?: 'text' | 'number' | 'boolean';
  /** What a value may be, in words or as the list of words it may be. */
  readonly allowed: readonly string[];
  readonly choices: readonly string[];
  readonly default?: string;
  readonly required: boolean;
  readonly meaning: string;
  /** Its value is never shown. */
  readonly secret: boolean;
  /** Its value names a file to read, with a secret or with PEM in it. */
  readonly file?: 'secret' | 'pem';
}

type Node = z.core.JSONSchema.BaseSchema;

export function outlineOf(schema: z.ZodType): Outline {
  return outline(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), true);
}

function outline(node: Node, required: boolean): Outline {
  const fields = new Map<string, Outline>();
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    if (typeof child === 'object') fields.set(name, outline(child, node.required?.includes(name) ?? false));
  }
  const kind = node.type === 'array' ? 'list' : node.properties === undefined ? 'value' : 'section';
  const type = TYPES.get(node.type);
  const file = node['file'];
  return {
    kind,
    fields,
    ...(isNode(node.items) && { items: outline(node.items, true) }),
    ...(type !== undefined && { type }),
    allowed: allowedOf(node, kind, fields),
    choices: choicesOf(node),
    ...(kind === 'value' && node.default !== undefined && { default: wordOf(node.default) }),
    required,
    meaning: node.description ?? '',
    secret: node['secret'] === true,
    ...((file === 'secret' || file === 'pem') && { file }),
  };
}

const TYPES: ReadonlyMap<unknown, 'text' | 'number' | 'boolean'> = new Map([
  ['string', 'text'],
  ['integer', 'number'],
  ['number', 'number'],
  ['boolean', 'boolean'],
]);

function isNode(items: Node['items']): items is Node {
  return typeof items === 'object' && !Array.isArray(items);
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function choicesOf(node: Node): readonly string[] {
  if (node.enum !== undefined) return node.enum.map(wordOf);
  if (node.const !== undefined) return [wordOf(node.const)];
  return node.type === 'boolean' ? ['true', 'false'] : [];
}

function allowedOf(node: Node, kind: Outline['kind'], fields: ReadonlyMap<string, Outline>): readonly string[] {
  if (kind === 'section') return [`a section with ${[...fields.keys()].join(', ')}`];
  if (kind === 'list') return ['a list of at least one'];
  const choices = choicesOf(node);
  if (choices.length > 0) return choices;
  if (typeof node['example'] === 'string') return [node['example']];
  if (node['file'] !== undefined) return ['the path of a file'];
  if (node.type === 'string') return ['text'];
  return [`${node.type === 'integer' ? 'a whole number' : 'a number'}${rangeOf(node)}`];
}

function rangeOf({ minimum, exclusiveMinimum, maximum }: Node): string {
  const low = exclusiveMinimum === undefined ? minimum : `above ${exclusiveMinimum}`;
  if (low === undefined) return maximum === undefined ? '' : ` up to ${maximum}`;
  if (exclusiveMinimum !== undefined) return ` ${low}${maximum === undefined ? '' : ` and up to ${maximum}`}`;
  return maximum === undefined ? ` from ${low} up` : ` from ${low} to ${maximum}`;
}

/** The outline of the field at `path`, when the schema has it. */
export function outlineAt(root: Outline, path: Path): Outline | undefined {
  let at: Outline | undefined = root;
  for (const step of path) at = typeof step === 'number' ? at?.items : at?.fields.get(step);
  return at;
}

/** Every value of the outline with its path, in the order of the schema; `[]` stands for the items of a list. */
export function* leaves(
  root: Outline,
  path: readonly string[] = [],
): Generator<{ path: readonly string[]; leaf: Outline }> {
  if (root.kind === 'value') yield { path, leaf: root };
  if (root.items !== undefined) {
    const meaning = root.items.meaning || root.meaning;
    yield* leaves({ ...root.items, meaning, required: root.required }, [...path, '[]']);
  }
  for (const [name, child] of root.fields) yield* leaves(child, [...path, name]);
}

/** What was written at `path`; undefined when nothing was. */
export function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const step of path) {
    if (typeof step === 'number') at = Array.isArray(at) ? at[step] : undefined;
    else at = isFields(at) && Object.hasOwn(at, step) ? at[step] : undefined;
  }
  return at;
}

/** `targets[0].urls[1]` */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) text += typeof step === 'number' ? `[${step}]` : text === '' ? step : `.${step}`;
  return text;
}
