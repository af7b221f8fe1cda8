/** The reference of the configuration as Markdown, made from the schema that checks it. */
import { SPECIAL_VARIABLES, variableName } from './environment.ts';
import { leaves, type Outline, outlineOf } from './outline.ts';
import { rootSchema, targetSchemas } from './schema.ts';

/** A table of every setting, then one of the environment variables that are no setting. */
export function configReference(): string {
  const rows = [...rowsOf(outlineOf(rootSchema), [])];
  for (const schema of Object.values(targetSchemas)) rows.push(...rowsOf(outlineOf(schema), ['targets', '[]']));
  const settings = table(['Setting', 'Allowed', 'Default', 'Meaning', 'Environment'], rows);
  const variables = [...SPECIAL_VARIABLES].map(([name, meaning]) => [code(name), meaning]);
  return `${settings}\n\n${table(['Variable', 'Meaning'], variables)}\n`;
}

function* rowsOf(root: Outline, prefix: readonly string[]): Generator<readonly string[]> {
  for (const { path, leaf } of leaves(root)) {
    const full = [...prefix, ...path];
    if (full.join('.') === 'targets.[]') continue;
    const inTarget = full.includes('[]');
    yield [
      code(full.join('.').replaceAll('.[]', '[]')),
      leaf.choices.length > 0 ? leaf.allowed.map(code).join(', ') : leaf.allowed.join(', '),
      leaf.default === undefined ? (leaf.required ? 'required' : '') : code(leaf.default),
      leaf.meaning,
      inTarget ? '' : code(variableName(path)),
    ];
  }
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}
