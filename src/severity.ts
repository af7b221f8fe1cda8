/** Skew alone is info; with pressure it is a ticket or a page. Only critical pages. */
import type { Severity } from './model.ts';

export const WARNING_PRESSURE = 0.5;
export const CRITICAL_PRESSURE = 0.8;

export function severityOf(pressure: number | undefined): Severity {
  if (pressure === undefined || pressure < WARNING_PRESSURE) return 'info';
  return pressure < CRITICAL_PRESSURE ? 'warning' : 'critical';
}
