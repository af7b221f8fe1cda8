/** Damages replies, each time in another way and always in the same order: the seed decides. */
import { seededRandom } from '../../../src/tour/random.ts';

const ODD: readonly unknown[] = [
  null,
  undefined,
  true,
  '',
  ' ',
  '0',
  '-1',
  'NaN',
  'Infinity',
  '1e999',
  '99999999999999999999999999',
  '0x1f',
  '__proto__',
  'constructor',
  'line\r\nbreak',
  '"quoted"',
  '\u0000',
  '\ufffd\ufffd',
  '\ud800',
  0,
  -0,
  -1,
  0.5,
  1e300,
  2 ** 53,
  2 ** 64,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  [],
  [[]],
  [null],
  {},
  Object.create(null),
  { length: 5 },
  new Error('ERR inside a reply'),
  new Map(),
  12n,
  Symbol('s'),
];

export class Damage {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  odd(): unknown {
    return this.below(20) === 0 ? nested(this.below(200)) : this.pick(ODD);
  }

  /** One to three places of a reply are changed. */
  reply(value: unknown): unknown {
    let damaged = value;
    for (let times = 1 + this.below(3); times > 0; times--) damaged = this.#once(damaged);
    return damaged;
  }

  #once(value: unknown): unknown {
    if (!Array.isArray(value) || value.length === 0 || this.below(12) === 0) {
      return typeof value === 'string' && this.below(2) === 0 ? this.text(value) : this.odd();
    }
    const copy: unknown[] = [...value];
    const at = this.below(copy.length);
    const kind = this.below(9);
    if (kind === 0) copy.splice(at, 1);
    else if (kind === 1) copy.splice(at, 0, this.odd());
    else if (kind === 2) copy.length = at;
    else if (kind === 3) copy[at] = [copy[at]];
    else if (kind === 4) copy[at] = copy[this.below(copy.length)];
    else if (kind === 5) copy.push(...copy.slice(at));
    else copy[at] = this.#once(copy[at]);
    return copy;
  }

  text(value: string): string {
    const at = this.below(value.length + 1);
    const kind = this.below(7);
    if (kind === 0) return value.slice(0, at);
    if (kind === 1) return value.slice(at);
    if (kind === 2) return value.slice(0, at) + String.fromCharCode(this.below(65_536)) + value.slice(at + 1);
    if (kind === 3) return value.slice(0, at) + value.slice(this.below(value.length + 1));
    const numbers = /\d+(\.\d+)?/g;
    numbers.lastIndex = at;
    const number = numbers.exec(value);
    if (kind === 4 || number === null) return value.slice(0, at) + words(this.odd()) + value.slice(at);
    // Mostly, a number is what is read.
    const text = words(this.odd());
    return value.slice(0, number.index) + text + value.slice(number.index + number[0].length);
  }
}

function words(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : 'undefined';
}

function nested(depth: number): unknown {
  let value: unknown = 'deep';
  for (let at = 0; at < depth; at++) value = [value];
  return value;
}
