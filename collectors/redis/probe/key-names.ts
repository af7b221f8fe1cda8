/**
 * Key names as text, and back as what the server knows them by: a key is any bytes, and one that is no UTF-8 would be
 * asked for under another name and never be found.
 */

export class KeyNames {
  readonly #binary = new Map<string, Buffer>();

  /** UTF-8 as it is; anything else with its bytes escaped as redis-cli does, `\xff`. */
  decode(raw: Buffer | string): string {
    if (typeof raw === 'string') return raw;
    const text = raw.toString('utf8');
    if (Buffer.from(text, 'utf8').equals(raw)) return text;
    const escaped = [...raw]
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : hex(byte)))
      .join('');
    this.#binary.set(escaped, raw);
    return escaped;
  }

  /** What to send for a name that `decode` gave. */
  argument(name: string): string | Buffer {
    return this.#binary.get(name) ?? name;
  }
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
