/**
 * What surveys found of each peer, with keys as they are: they are written by the redaction of the moment at which
 * they are shown, so that a stricter one takes effect at once.
 */
import type { KeyShare, StandingKeys, Survey } from './model.ts';
import { shownKey } from './pipeline.ts';

interface Found {
  readonly scope: string;
  readonly peer: string;
  readonly at: Date;
  readonly keys: readonly KeyShare[];
}

export class Surveys {
  #found: readonly Found[] = [];

  /** The latest of a peer takes the place of its earlier one. */
  add({ scope, peer, keys }: Survey, at: Date): void {
    const others = this.#found.filter((known) => known.peer !== peer || known.scope !== scope);
    this.#found = [...others, { scope, peer, at, keys }];
  }

  /** Forgets peers that are no more. */
  retain(isPeer: (peer: string) => boolean): void {
    this.#found = this.#found.filter(({ peer }) => isPeer(peer));
  }

  render(show: (key: string) => string): readonly StandingKeys[] {
    return this.#found.map(({ scope, peer, at, keys }) => ({
      scope,
      peer,
      at: at.toISOString(),
      keys: keys.map((key) => shownKey(key, show)),
    }));
  }
}
