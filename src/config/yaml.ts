/**
 * YAML text → a plain value and the line of everything in it.
 *
 * The library's own messages quote the text, and the text may hold a password: every message here is ours.
 */
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Path } from './outline.ts';
import type { Problem } from './problems.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface ParsedYaml {
  /** Undefined when the text is empty or cannot be understood. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Of the key at `path` for `key`, else of its value; the nearest thing around it when it is not there. */
  position(path: Path, part: 'key' | 'value'): Position | undefined;
}

const SYNTAX: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias (*name) cannot have an anchor or a tag',
  BAD_ALIAS: 'a value that begins with * is an alias, and this is not one: put it in quotes',
  BAD_COLLECTION_TYPE: 'a tag (!name) that does not fit what follows it',
  BAD_DIRECTIVE: 'a line that begins with % is a directive, and this is not one',
  BAD_DQ_ESCAPE: 'an unknown escape after \\ in double quotes: use single quotes or double the \\',
  BAD_INDENT: 'the indentation fits nothing above it',
  BAD_PROP_ORDER: 'an anchor (&name) or a tag (!name) in the wrong place',
  BAD_SCALAR_START: 'a value cannot begin with @ or `: put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a nested list or section cannot begin on the line of its key: begin a new line',
  BLOCK_IN_FLOW: 'an indented list or section cannot stand within { } or [ ]',
  DUPLICATE_KEY: 'is given twice in this section: remove one',
  KEY_OVER_1024_CHARS: 'a key is too long',
  MISSING_CHAR: 'something is missing here: a closing quote, bracket or brace, a comma, or a space',
  MULTILINE_IMPLICIT_KEY: 'a key spreads over lines: is a colon, or the space after it, missing?',
  MULTIPLE_ANCHORS: 'a value can have one anchor (&name) only',
  MULTIPLE_DOCS: 'a second document begins here (---): only one is read',
  MULTIPLE_TAGS: 'a value can have one tag (!name) only',
  NON_STRING_KEY: 'a key has to be text',
  TAB_AS_INDENT: 'a tab indents this line: use spaces',
  TAG_RESOLVE_FAILED: 'a value that begins with ! is a tag, and this one is unknown: put it in quotes',
  UNEXPECTED_TOKEN: 'something that does not belong here: does a value with : # { } [ ] or , need quotes?',
};

export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
    path: error.code === 'DUPLICATE_KEY' ? pathOfKey(document, error.pos[0]) : '',
    ...at(error.pos[0]),
    message: SYNTAX[error.code] ?? `is not YAML here (${error.code})`,
  }));
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) === undefined && alias.range) {
        problems.push({
          path: '',
          ...at(alias.range[0]),
          message: 'an alias (*name) without its anchor (&name): put it in quotes when it is text',
        });
      }
    },
    Pair(_, pair) {
      if (!isScalar(pair.key) && !isAlias(pair.key)) {
        problems.push({ path: '', ...at(startOf(pair.key) ?? 0), message: 'a key has to be text' });
      }
    },
  });
  // A key given twice leaves the rest readable; anything else makes further messages guesses.
  const readable = problems.every((problem) => problem.message === SYNTAX['DUPLICATE_KEY']);
  return {
    value: readable ? toValue(document, problems) : undefined,
    problems,
    position: (path, part) => {
      const offset = offsetOf(document, path, part);
      return offset === undefined ? undefined : at(offset);
    },
  };
}

function toValue(document: Document, problems: Problem[]): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    problems.push({ path: '', message: 'aliases (*name) multiply this file beyond measure, or contain themselves' });
    return undefined;
  }
}

function offsetOf(document: Document, path: Path, part: 'key' | 'value'): number | undefined {
  let node: unknown = document.contents;
  let key: unknown;
  let offset = startOf(node);
  for (const [depth, step] of path.entries()) {
    const around = follow(document, node);
    if (isMap(around)) {
      const pair = around.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) return startOf(key) ?? offset;
      [key, node] = [pair.key, pair.value];
    } else if (isSeq(around) && typeof step === 'number' && around.items[step] !== undefined) {
      [key, node] = [undefined, around.items[step]];
    } else return startOf(key) ?? offset;
    const wanted = part === 'key' && depth === path.length - 1 ? key : node;
    offset = startOf(wanted) ?? startOf(key) ?? offset;
  }
  return offset;
}

function follow(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

/** The path of the key that begins at `offset`. */
function pathOfKey(document: Document, offset: number): string {
  let found = '';
  const walk = (node: unknown, path: string): void => {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value) : '?';
        const here = path === '' ? name : `${path}.${name}`;
        if (startOf(key) === offset) found = here;
        walk(value, here);
      }
    }
    if (isSeq(node)) for (const [index, item] of node.items.entries()) walk(item, `${path}[${index}]`);
  };
  walk(document.contents, '');
  return found;
}
