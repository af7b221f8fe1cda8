/**
 * Puts made text between the markers of a document, `<!-- made: name -->` and `<!-- end: name -->`, and leaves the
 * rest alone.
 */
import type { Blocks } from './blocks.ts';

/** A block whose markers are missing, doubled or in the wrong order; or markers for which there is no block. */
export class MarkerError extends Error {
  override readonly name = 'MarkerError';
}

/**
 * @returns the document with every block as it is made now
 * @throws MarkerError
 */
export function splice(document: string, blocks: Blocks): string {
  for (const [, name] of document.matchAll(/<!-- (?:made|end): (\S+) -->/g)) {
    if (name !== undefined && !Object.hasOwn(blocks, name)) {
      throw new MarkerError(`nothing makes "${name}": the markers may name ${Object.keys(blocks).join(', ')}`);
    }
  }
  let text = document;
  for (const [name, make] of Object.entries(blocks)) text = spliceOne(text, name, make());
  return text;
}

/** The names of the blocks that are not as they would be made now. */
export function driftedBlocks(document: string, blocks: Blocks): string[] {
  return Object.entries(blocks)
    .filter(([name, make]) => spliceOne(document, name, make()) !== document)
    .map(([name]) => name);
}

function spliceOne(document: string, name: string, made: string): string {
  const from = placeOf(document, `<!-- made: ${name} -->`);
  const to = placeOf(document, `<!-- end: ${name} -->`);
  if (to.start < from.end) throw new MarkerError(`the end of "${name}" stands before its beginning`);
  return `${document.slice(0, from.end)}\n\n${made.trim()}\n\n${document.slice(to.start)}`;
}

function placeOf(document: string, marker: string): { readonly start: number; readonly end: number } {
  const start = document.indexOf(marker);
  if (start < 0) throw new MarkerError(`the marker ${marker} is missing: write it where the block belongs`);
  if (document.includes(marker, start + 1)) throw new MarkerError(`the marker ${marker} is there twice`);
  return { start, end: start + marker.length };
}
