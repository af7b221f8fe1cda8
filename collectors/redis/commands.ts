/** Which commands read, which write, which increment, and which of their arguments are keys. */
import { exists, getKeyIndexes, hasFlag } from '@ioredis/commands';
import { LEAST_PRIVILEGE } from './acl.ts';

export type CommandUse = 'reads' | 'writes' | 'increments' | 'other';

/** Writes that commute, so that a counter of them can be sharded. */
const INCREMENTS: ReadonlySet<string> = new Set([
  'incr',
  'incrby',
  'incrbyfloat',
  'decr',
  'decrby',
  'hincrby',
  'hincrbyfloat',
  'zincrby',
]);

/** Containers (before 7.0 without their subcommand), and what the list of commands does not know. */
const OTHER_USES: ReadonlyMap<string, CommandUse> = new Map([
  ['object', 'reads'],
  ['xinfo', 'reads'],
  ['memory|usage', 'reads'],
  ['clusterscan', 'reads'],
  ['xgroup', 'writes'],
  ['delifeq', 'writes'],
  ['cluster|flushslot', 'writes'],
  ['function|load', 'writes'],
  ['function|delete', 'writes'],
  ['function|flush', 'writes'],
  ['function|restore', 'writes'],
]);

/** @param command lower case, as commandstats has it: `get`, or `object|freq` with its subcommand */
export function useOf(command: string): CommandUse {
  const name = command.split('|', 1)[0] ?? command;
  if (command.endsWith('|help')) return 'other';
  if (INCREMENTS.has(name)) return 'increments';
  const use = OTHER_USES.get(command) ?? OTHER_USES.get(name);
  if (use !== undefined) return use;
  if (!exists(name)) return 'other';
  if (hasFlag(name, 'write')) return 'writes';
  return hasFlag(name, 'readonly') ? 'reads' : 'other';
}

/** Where a command says how many keys follow: not believed beyond the arguments that are there. */
const KEY_COUNT_AT: ReadonlyMap<string, number> = new Map([
  ...names('zunionstore zinterstore zdiffstore eval evalsha eval_ro evalsha_ro fcall fcall_ro blmpop bzmpop', 1),
  ...names('sdiffcard sintercard sunioncard lmpop zunion zinter zmpop zintercard zdiff msetex', 0),
]);

function names(list: string, at: number): [string, number][] {
  return list.split(' ').map((name) => [name, at]);
}

/**
 * @param command lower case
 * @returns the keys of a command; none where it has none, is not known or is ill-formed
 */
export function keysOf(command: string, args: readonly string[]): string[] {
  if (!exists(command)) return [];
  const countAt = KEY_COUNT_AT.get(command);
  if (countAt !== undefined && !isKeyCount(args[countAt], args.length - countAt - 1)) return [];
  // BY and GET of SORT name patterns, not keys.
  if (command === 'sort' || command === 'sort_ro') return sortKeys(args);
  try {
    return getKeyIndexes(command, [...args]).flatMap((index) => args[index] ?? []);
  } catch {
    return []; // an ill-formed command that the server will refuse too
  }
}

function isKeyCount(text: string | undefined, most: number): boolean {
  return text !== undefined && /^\d+$/.test(text) && Number(text) <= most;
}

function sortKeys(args: readonly string[]): string[] {
  const store = args.findIndex((arg, at) => at > 0 && arg.toUpperCase() === 'STORE');
  return [args[0], store < 0 ? undefined : args[store + 1]].filter((key) => key !== undefined);
}

/** All that the agent sends, as commandstats has it: what its ACL user is given, which a test on real servers holds. */
export const OWN_COMMANDS: ReadonlySet<string> = new Set(
  LEAST_PRIVILEGE.flatMap(({ rules }) => rules.flatMap((rule) => (rule.startsWith('+') ? [rule.slice(1)] : []))),
);

/** Of these, what applications send as well: ours are taken off by their number. */
const SHARED: ReadonlySet<string> = new Set(['scan']);

const OWN_ONLY: ReadonlySet<string> = new Set([...OWN_COMMANDS].filter((name) => !SHARED.has(name)).map(containerOf));

/** Before 7.0 commandstats has no subcommands. */
export function isOwnOnly(command: string): boolean {
  return OWN_ONLY.has(containerOf(command));
}

function containerOf(command: string): string {
  return command.split('|', 1)[0] ?? command;
}
