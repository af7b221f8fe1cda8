/** What a command says of an error: the words, and how to mend it where that is known. */
import { Failure } from '../../collectors/index.ts';

export interface FailureWords {
  readonly reason: string;
  readonly remedy?: string;
}

export function wordsOf(error: unknown): FailureWords {
  const reason = error instanceof Error ? error.message : String(error);
  const remedy = error instanceof Failure ? error.remedy : undefined;
  return { reason, ...(remedy !== undefined && { remedy }) };
}
