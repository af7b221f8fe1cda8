/** A mistake in the configuration, as one can act on it: where it is, what is wrong, what is allowed, what was meant. */
import { distance } from 'fastest-levenshtein';
import type * as z from 'zod';
import { isFields } from '../../collectors/index.ts';
import { type Outline, outlineAt, type Path, valueAt } from './outline.ts';

export interface Problem {
  /** `targets[0].urls[1]`, the name of an environment variable, or '' for the file as a whole. */
  readonly path: string;
  /** From 1; missing where the problem has no place in the file. */
  readonly line?: number;
  readonly column?: number;
  /** Says what was found; never the value of a secret. */
  readonly message: string;
  readonly allowed?: readonly string[];
  /** The allowed word that is most like the one found. */
  readonly nearest?: string;
}

/** A problem that does not know its line yet. */
export interface Mistake {
  readonly path: Path;
  /** Which part of the field is to blame: its name or its value. */
  readonly part: 'key' | 'value';
  readonly message: string;
  readonly allowed?: readonly string[];
  readonly nearest?: string;
}

/** What zod says of a value, in our words and with the help of its outline. Paths are relative to `root`. */
export function explainIssue(issue: z.core.$ZodIssue, input: unknown, root: Outline): Mistake[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  const outline = outlineAt(root, path);
  if (issue.code === 'unrecognized_keys') {
    const known = [...(outline?.fields.keys() ?? [])];
    return issue.keys.map((key) => explainUnknownKey([...path, key], key, known));
  }
  const found = valueAt(input, path);
  const allowed = outline?.allowed ?? [];
  if (issue.code === 'custom') return [{ path, part: 'value', message: issue.message, allowed }];
  if (issue.code === 'invalid_format') return [{ path, part: 'value', message: issue.message }];
  if (found === undefined) return [{ path, part: 'value', message: 'is missing', allowed }];
  const message = `is ${describe(found, outline)}`;
  const nearest = typeof found === 'string' ? nearestOf(found, outline?.choices ?? []) : undefined;
  return [{ path, part: 'value', message, allowed, ...(nearest !== undefined && { nearest }) }];
}

function explainUnknownKey(path: Path, key: string, known: readonly string[]): Mistake {
  // `{password:hunter2}` is a key to YAML: a secret may be behind the colon.
  const joined = known.find((name) => key.startsWith(`${name}:`));
  const nearest = nearestOf(key, known);
  return {
    path: [...path.slice(0, -1), keyText(key)],
    part: 'key',
    message: joined === undefined ? 'unknown key' : `unknown key: ${joined}: needs a space after its colon`,
    allowed: known,
    ...(nearest !== undefined && joined === undefined && { nearest }),
  };
}

/** A key as it may be shown. */
export function keyText(key: string): string {
  return /^[\w-]{1,40}$/.test(key) ? key : `${/^[\w-]{0,20}(?=:)/.exec(key)?.[0] ?? ''}…`;
}

function describe(found: unknown, outline: Outline | undefined): string {
  if (found === null) return 'empty';
  if (Array.isArray(found)) return found.length === 0 ? 'an empty list' : 'a list';
  if (isFields(found)) return 'a section';
  if (found === '') return 'empty text';
  const shown = outline?.kind === 'value' && !outline.secret ? shownValue(found) : undefined;
  const type = typeof found === 'string' ? 'text' : typeof found === 'boolean' ? 'a boolean' : 'a number';
  const hint = outline?.type === 'text' && type !== 'text' && outline.choices.length === 0 ? ': put it in quotes' : '';
  return `${type}${shown === undefined ? '' : ` (${shown})`}${hint}`;
}

/** Short plain values only: what looks like a URL or a sentence may hold a secret that was put in the wrong place. */
function shownValue(found: unknown): string | undefined {
  const text = String(found);
  return /^[\w .%+-]{1,24}$/.test(text) ? (typeof found === 'string' ? JSON.stringify(text) : text) : undefined;
}

/** The candidate most like `word`, when one is like it at all. Case, `_` and `-` make no difference. */
export function nearestOf(word: string, candidates: readonly string[]): string | undefined {
  let best: { readonly candidate: string; readonly far: number } | undefined;
  for (const candidate of candidates) {
    const far = distance(plain(word), plain(candidate));
    const near = far <= Math.max(candidate.length < 4 ? 1 : 2, Math.floor(candidate.length / 3));
    if (near && (best === undefined || far < best.far)) best = { candidate, far };
  }
  return best?.candidate;
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[_-]/g, '');
}

/** One line a problem, in the order of the file: `hotspot.yaml:12:5 targets[0].pol: unknown key; did you mean "poll"? allowed: …` */
export function formatProblems(problems: readonly Problem[], path: string | undefined): string {
  return problems
    .map((problem) => {
      const place = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
      const where = problem.path === '' ? '' : ` ${problem.path}:`;
      const nearest = problem.nearest === undefined ? '' : `; did you mean "${problem.nearest}"?`;
      const separator = nearest === '' ? '; ' : ' ';
      const allowed = (problem.allowed ?? []).length === 0 ? '' : `${separator}allowed: ${problem.allowed?.join(', ')}`;
      const file = problem.path.startsWith('HOTSPOT_') ? 'environment' : (path ?? 'configuration');
      return `${file}${place}${where === '' ? ':' : where} ${problem.message}${nearest}${allowed}`;
    })
    .join('\n');
}

export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  const line = (problem: Problem) => problem.line ?? Number.POSITIVE_INFINITY;
  return problems.toSorted((a, b) => (line(a) === line(b) ? (a.column ?? 0) - (b.column ?? 0) : line(a) - line(b)));
}
