/** Skew alone is info; with pressure it is a ticket or a page. Only critical pages. */
import type { Severity } from './model.ts';

export const WARNING_PRESSURE = 0.5;
export const CRITICAL_PRESSURE = 0.8;

/** Below its threshold by this much before a severity falls: one that hovers there must not change at every poll. */
const HYSTERESIS = 0.1;

/** @param before what it was at the tick before, while the hotspot goes on */
export function severityOf(pressure: number | undefined, before: Severity = 'info'): Severity {
  if (pressure === undefined) return 'info';
  if (pressure >= CRITICAL_PRESSURE - (before === 'critical' ? HYSTERESIS : 0)) return 'critical';
  if (pressure >= WARNING_PRESSURE - (before === 'info' ? 0 : HYSTERESIS)) return 'warning';
  return 'info';
}
