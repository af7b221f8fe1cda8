/** Pads the cells of Markdown tables to the width of their column: how the formatter of the project writes them. */

export function alignTables(markdown: string): string {
  return markdown.replace(/^\|.*\|(?:\n\|.*\|)*$/gm, (table) => alignTable(table.split('\n')).join('\n'));
}

function alignTable(lines: readonly string[]): string[] {
  const rows = lines.map(cellsOf);
  const widths = rows[0]?.map((_, column) => Math.max(3, ...rows.map((row) => widthOf(row[column] ?? '')))) ?? [];
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const missing = (widths[column] ?? 0) - widthOf(cell);
      return cell === '---' ? cell + '-'.repeat(missing) : cell + ' '.repeat(missing);
    });
    return `| ${cells.join(' | ')} |`;
  });
}

/** A pipe within a cell is escaped. */
function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function widthOf(text: string): number {
  return Array.from(text).length;
}
