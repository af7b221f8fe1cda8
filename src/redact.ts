/** How a key of a watched system is written wherever it leaves the agent. */
import { createHmac } from 'node:crypto';
import type { KeysConfig } from './config.ts';

const HMAC_CHARACTERS = 16;

/** The same key is always written the same way, so that its series and findings stay together. */
export function makeRedactor(keys: KeysConfig): (key: string) => string {
  if (keys.show === 'plain') return escapeControls;
  if (keys.show === 'prefix') {
    // Always with the ellipsis: whether a key is longer than its prefix stays hidden too.
    return (key) => `${escapeControls(Array.from(key).slice(0, keys.prefixLength).join(''))}…`;
  }
  return (key) => {
    const digest = createHmac('sha256', keys.secret.reveal()).update(key).digest('hex');
    return `hmac:${digest.slice(0, HMAC_CHARACTERS)}`;
  };
}

// Controls, line separators, marks that turn the direction of text, and halves of a character: a key is foreign
// data and must not be able to write a log line, move a terminal's cursor or pose as another.
const HOSTILE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function escapeControls(key: string): string {
  return key.replace(HOSTILE, (character) => SHORT.get(character) ?? hexEscape(character));
}

function hexEscape(character: string): string {
  const code = character.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
