/** Lines one can paste: a numbered key as a Python expression, with the key as the redaction lets it out. */
import { numberedKey } from './slots.ts';

export interface KeyTemplate {
  /** The key name with the number given by a Python expression: `"product:99:" + str(i)`. */
  readonly expression: (number: string) => string;
}

export function keyTemplate(key: string, show: (key: string) => string): KeyTemplate {
  const shown = show(key);
  // A redacted name has lost its hash tag: say where the number goes by the same rule, on the name as shown.
  const { before, after } = numberedKey(shown);
  const tail = after === '' ? '' : ` + ${JSON.stringify(after)}`;
  return { expression: (number) => `${JSON.stringify(before)} + str(${number})${tail}` };
}
