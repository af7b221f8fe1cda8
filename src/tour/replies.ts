/** Parses what servers reply to set-up commands. Throws where the shape is another. */
import { z } from 'zod';

export interface OwnedRange {
  readonly first: number;
  readonly last: number;
  /** Empty where the server does not know its own address yet. */
  readonly host: string;
  readonly port: number;
}

const slots = z.array(
  z.tuple([z.number(), z.number(), z.tuple([z.string().nullable(), z.number()], z.unknown())], z.unknown()),
);
const role = z.tuple([z.string()], z.unknown());
const strings = z.array(z.string());

/** CLUSTER SLOTS, the masters only, in the order of the slots. */
export function readSlots(reply: unknown): readonly OwnedRange[] {
  const ranges = slots.parse(reply).map(([first, last, [host, port]]) => ({ first, last, host: host ?? '', port }));
  return ranges.toSorted((a, b) => a.first - b.first);
}

/** ROLE: "master", "slave" or "sentinel". */
export function readRole(reply: unknown): string {
  return role.parse(reply)[0];
}

/** A list of texts; a null reply is an empty one. */
export function readStrings(reply: unknown): readonly string[] {
  return reply === null ? [] : strings.parse(reply);
}
