/** What changed from one look to the next: the lines of the log, one each. */
import type { Finding } from './model.ts';

export type ChangeKind = 'opened' | 'severity changed' | 'explained' | 'resolved';

export interface Change {
  readonly kind: ChangeKind;
  readonly finding: Finding;
}

/** Remembers what was said of each hotspot, so that nothing is said twice. */
export class Changes {
  #said = new Map<string, Finding>();

  /**
   * @param findings all that is known now; suspected ones are not said
   * @param unnamed a hotspot that is being probed for the first time: its opening is said with the key, seconds later
   */
  between(findings: readonly Finding[], unnamed?: string): Change[] {
    const changes: Change[] = [];
    const said = new Map<string, Finding>();
    for (const finding of findings) {
      const before = this.#said.get(finding.id);
      if (finding.id === unnamed && finding.state === 'open' && before?.state !== 'open') continue;
      const kind = changeOf(before, finding);
      if (kind !== undefined) changes.push({ kind, finding });
      if (finding.state !== 'suspected') said.set(finding.id, finding);
    }
    this.#said = said;
    return changes;
  }

  /** The keys of what was said as a redaction that changed writes them: that alone is no change to say. */
  rewrite(findings: readonly Finding[]): void {
    for (const finding of findings) {
      const before = this.#said.get(finding.id);
      if (before !== undefined) this.#said.set(finding.id, { ...before, keys: finding.keys });
    }
  }
}

function changeOf(before: Finding | undefined, after: Finding): ChangeKind | undefined {
  if (after.state === 'suspected') return undefined;
  const wasOpen = before?.state === 'open';
  if (after.state === 'resolved') return wasOpen ? 'resolved' : undefined;
  if (!wasOpen) return 'opened';
  if (before.severity !== after.severity) return 'severity changed';
  const explained = before.cause.id !== after.cause.id || before.keys[0]?.key !== after.keys[0]?.key;
  return explained && after.cause.id !== 'undetermined' ? 'explained' : undefined;
}
