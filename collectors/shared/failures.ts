/** A failure with the code, the words and the remedy of the absence it becomes. */
import type { Absence, AbsenceCode } from '../../src/model.ts';

export class Failure extends Error {
  readonly code: AbsenceCode;
  readonly remedy: string | undefined;

  constructor(code: AbsenceCode, reason: string, options: { remedy?: string | undefined; cause?: unknown } = {}) {
    super(reason, { cause: options.cause });
    this.name = 'Failure';
    this.code = code;
    this.remedy = options.remedy;
  }
}

export function absenceOf(
  failure: Failure,
  where: { readonly scope: string; readonly peer?: string; readonly resource?: string },
): Absence {
  return {
    ...where,
    code: failure.code,
    reason: failure.message,
    ...(failure.remedy !== undefined && { remedy: failure.remedy }),
  };
}
