/** A tracker with its own clock: feeds readings tick by tick, as the agent's loop does. */

import type { Thresholds } from '../../src/detect/thresholds.ts';
import { type Hotspot, HotspotTracker } from '../../src/detect/tracker.ts';
import type { Evaluation, Finding, ProbeResult, Reading } from '../../src/model.ts';
import { evaluate } from '../../src/pipeline.ts';
import { DEFAULTS } from './readings.ts';

export class Ticks {
  readonly tracker: HotspotTracker;
  show: (key: string) => string = (key) => key;
  #atMs = Date.UTC(2026, 0, 1);

  constructor(thresholds: Partial<Thresholds> = {}, target = 'shop') {
    this.tracker = new HotspotTracker(target, { ...DEFAULTS, ...thresholds });
  }

  get now(): Date {
    return new Date(this.#atMs);
  }

  /** One look; then `afterMs` pass. */
  tick(reading: Reading, afterMs = 10_000): Evaluation {
    const evaluation = evaluate(reading, this.tracker, this.show, this.now);
    this.#atMs += afterMs;
    return evaluation;
  }

  ticks(count: number, reading: Reading): Evaluation {
    let evaluation = this.tick(reading);
    for (let i = 1; i < count; i++) evaluation = this.tick(reading);
    return evaluation;
  }

  hotspot(peer: string): Hotspot | undefined {
    return this.tracker.hotspots.find((hotspot) => hotspot.peer === peer);
  }

  state(peer: string): string {
    return this.hotspot(peer)?.state ?? 'none';
  }

  attach(peer: string, result: ProbeResult): void {
    const hotspot = this.hotspot(peer);
    if (hotspot === undefined) throw new Error(`${peer} is not tracked`);
    this.tracker.attach(hotspot.id, result, this.now);
  }
}

/** An open hotspot of a master, as the tracker would hand it over. */
export function openHotspot(peer: string, probe?: ProbeResult): Hotspot {
  const at = new Date(0);
  return {
    id: 'id',
    scope: 'masters',
    peer,
    state: 'open',
    since: at,
    updated: at,
    calm: false,
    ...(probe !== undefined && { probe: { ...probe, at } }),
  };
}

/** The one finding of an evaluation. */
export function onlyFinding({ findings }: Evaluation): Finding {
  const [finding] = findings;
  if (finding === undefined || findings.length !== 1) throw new Error(`${findings.length} findings, not one`);
  return finding;
}
