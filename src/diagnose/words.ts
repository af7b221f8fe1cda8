/** Numbers as people say them. */
import type { Resource } from '../model.ts';

export function percent(ratio: number): string {
  const value = ratio * 100;
  return `${value >= 10 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

export function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 1 : 0)}×`;
}

/** A load with its unit: per second for a count. */
export function amount(value: number, { unit, kind }: Resource): string {
  const number = Number(value.toFixed(value >= 100 ? 0 : 2)).toLocaleString('en-US');
  return kind === 'count' ? `${number} ${unit}/s` : `${number} ${unit}`;
}
