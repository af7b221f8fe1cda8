/**
 * The rules between fields that no schema of one field can hold. They look at what was written, valid or not, so that
 * their messages stand beside those of single fields.
 */
import { isFields, type RawFields, type Report } from '../../collectors/index.ts';

/** Skew thresholds in order: suspect ≤ open, resolve < open. `detect` has the defaults filled in. */
export function detectRules(detect: RawFields, path: readonly (string | number)[], report: Report): void {
  const { openSkew, resolveSkew, suspectSkew } = detect;
  if (typeof openSkew !== 'number') return;
  if (typeof resolveSkew === 'number' && resolveSkew >= openSkew) {
    report(
      [...path, 'resolveSkew'],
      `is ${resolveSkew}, which has to be below openSkew (${openSkew}): a hotspot would open and resolve at once`,
    );
  }
  if (typeof suspectSkew === 'number' && suspectSkew > openSkew) {
    report(
      [...path, 'suspectSkew'],
      `is ${suspectSkew}, which has to be at most openSkew (${openSkew}): a hotspot is suspected before it opens`,
    );
  }
}

/** A keyed hash needs its key, from one place. */
export function keysRules(keys: RawFields, report: Report): void {
  const hasSecret = keys['secret'] !== undefined;
  const hasFile = keys['secretFile'] !== undefined;
  if (hasSecret && hasFile) report(['keys', 'secretFile'], 'is given beside secret: give one of the two');
  if (keys['show'] === 'hmac' && !hasSecret && !hasFile)
    report(['keys', 'show'], 'is hmac, which needs keys.secret or keys.secretFile');
}

/** Names are labels of every metric: two targets under one would be mixed. */
export function nameRules(targets: readonly unknown[], report: Report): void {
  const first = new Map<string, number>();
  for (const [index, target] of targets.entries()) {
    const name = isFields(target) ? target['name'] : undefined;
    if (typeof name !== 'string') continue;
    const before = first.get(name);
    if (before === undefined) first.set(name, index);
    else report(['targets', index, 'name'], `is the name of targets[${before}] too: give each target its own`);
  }
}
