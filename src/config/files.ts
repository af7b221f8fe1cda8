/** The files that a configuration names (passwords, certificates): found by the schema's metadata and read once. */
import { dirname, isAbsolute, join } from 'node:path';
import { isFields, trimNewline } from '../../collectors/index.ts';
import type { Outline, Path } from './outline.ts';
import type { Mistake } from './problems.ts';

/** Gives the text of a file; throws as `readFileSync` does. */
export type ReadFileText = (path: string) => string;

export interface ConfigFiles {
  /** Reads every file named in `value`, which `outline` describes; says what is wrong with them. */
  collect(value: unknown, outline: Outline, path: Path): Mistake[];
  /** The text of a file by its path as written. Throws when `collect` could not read it. */
  read(written: string): string;
  /** What was read, for telling whether anything changed. */
  contents(): readonly (readonly [path: string, text: string])[];
}

/** Relative paths are relative to the folder of the configuration file, or to the working directory without one. */
export function openConfigFiles(configPath: string | undefined, readFile: ReadFileText): ConfigFiles {
  const texts = new Map<string, string>();
  const failures = new Map<string, string>();
  const folder = configPath === undefined ? '.' : dirname(configPath);
  const load = (written: string): void => {
    if (texts.has(written) || failures.has(written)) return;
    const path = isAbsolute(written) ? written : join(folder, written);
    try {
      texts.set(written, readFile(path));
    } catch (error) {
      failures.set(written, reasonOf(error));
    }
  };
  // Who writes a password where its file belongs should not find it in a log.
  const unreadable = (written: string, file: 'secret' | 'pem'): string => {
    const shown = file === 'secret' ? 'its file' : written;
    const from = isAbsolute(written) ? '' : `, looked up from the folder ${folder}`;
    return `cannot be read: ${shown}${from}: ${failures.get(written)}`;
  };
  return {
    collect(value, outline, path) {
      const mistakes: Mistake[] = [];
      for (const { path: at, written, file } of fileFields(value, outline, path)) {
        load(written);
        const text = texts.get(written);
        const message = text === undefined ? unreadable(written, file) : contentMistake(text, file);
        if (message !== undefined) mistakes.push({ path: at, part: 'value', message });
      }
      return mistakes;
    },
    read(written) {
      const text = texts.get(written);
      if (text === undefined) throw new Error(`the file ${written} was not read with the configuration`);
      return text;
    },
    contents: () => [...texts, ...failures],
  };
}

interface FileField {
  readonly path: Path;
  readonly written: string;
  readonly file: 'secret' | 'pem';
}

function* fileFields(value: unknown, outline: Outline, path: Path): Generator<FileField> {
  if (outline.file !== undefined && typeof value === 'string' && value !== '') {
    yield { path, written: value, file: outline.file };
  }
  if (!isFields(value)) return;
  for (const [name, field] of outline.fields) yield* fileFields(value[name], field, [...path, name]);
}

function contentMistake(text: string, file: 'secret' | 'pem'): string | undefined {
  if (file === 'secret') return trimNewline(text) === '' ? 'names a file that is empty' : undefined;
  if (!text.includes('-----BEGIN ')) return 'names a file that is not PEM: it has no -----BEGIN line';
  if (/-----BEGIN ENCRYPTED|^Proc-Type: .*ENCRYPTED/m.test(text))
    return 'names a key with a passphrase: give one without';
  return undefined;
}

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'the agent may not read it'],
  ['EPERM', 'the agent may not read it'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of the path is not a folder'],
]);

/** In words, without the error's own text, which may hold anything. */
export function reasonOf(error: unknown): string {
  const code = isFields(error) ? error['code'] : undefined;
  return REASONS.get(code) ?? (typeof code === 'string' ? code : 'reading it failed');
}
