/**
 * The life of a hotspot: suspected → open → resolved, with hysteresis, under one stable id.
 *
 * One tracker a target. Signals of the same peer (CPU, calls, bytes) and of its finer peers (slots) are one
 * hotspot; a peer that resolves and heats up again keeps its id.
 */
import { createHash } from 'node:crypto';
import type { Finding, HotspotRef, HotspotState, ProbeResult, Severity, Signal } from '../model.ts';
import { measureHeat, type PeerHeat } from './heat.ts';
import type { Thresholds } from './thresholds.ts';

export interface Hotspot extends HotspotRef {
  readonly state: HotspotState;
  readonly since: Date;
  readonly updated: Date;
  /** True while an open hotspot is on its way to resolve: there is nothing to probe then. */
  readonly calm: boolean;
  /** The latest probe; its names are of an earlier one where the latest could not see. */
  readonly probe?: ProbeResult & { readonly at: Date };
}

/** A finding to be written with the redaction of the moment at which it is shown. */
export type RenderFinding = (show: (key: string) => string) => Finding;

/** What was said of a hotspot; its state and severity can be read without writing it. */
export interface Remembered {
  readonly state: HotspotState;
  readonly severity: Severity;
  readonly render: RenderFinding;
}

interface Tracked {
  hotspot: Hotspot;
  hotTicks: number;
  calmTicks: number;
  /** Ticks in a row, while suspected, that counted for nothing: looking sooner does not help then. */
  idleTicks: number;
  /** What was last said of it while it was hot. */
  remembered?: Remembered;
  /** The resolved hotspot that a suspicion took the place of: shown again should the suspicion lapse. */
  before?: Tracked;
}

/** How long a resolved hotspot stays in the list, for those who come to look after the page. */
const RESOLVED_SHOWN_MS = 15 * 60_000;
/** How often in a row a mere rise may shorten the interval: natural skew of a small fleet must not cost polls for ever. */
const MAX_CONFIRMATIONS = 3;
/** A rise of skew that is worth another look. */
const RISE = 0.1;
/**
 * A rise is one above the highest skew of late, which is forgotten this slowly, a factor a tick: short windows score
 * lower than long ones, and the way back up is no news.
 */
const HIGHEST_DECAY = 0.98;

export class HotspotTracker {
  readonly #target: string;
  readonly #tracked = new Map<string, Tracked>();
  #highest = new Map<string, number>();
  #thresholds: Thresholds;
  #confirmations = 0;
  #risen = false;

  constructor(target: string, thresholds: Thresholds) {
    this.#target = target;
    this.#thresholds = thresholds;
  }

  get thresholds(): Thresholds {
    return this.#thresholds;
  }

  /** New thresholds count from the next tick; what is open stays open until they resolve it. */
  set thresholds(thresholds: Thresholds) {
    this.#thresholds = thresholds;
  }

  /** True while the next look should come at the confirming interval. */
  get confirming(): boolean {
    const mayOpenSoon = ({ hotspot, idleTicks }: Tracked) =>
      hotspot.state === 'suspected' && idleTicks < MAX_CONFIRMATIONS;
    return this.#risen || [...this.#tracked.values()].some(mayOpenSoon);
  }

  /** True while anything is suspected, open or rising: fine scopes are worth their cost. */
  get attentive(): boolean {
    return this.#risen || [...this.#tracked.values()].some(({ hotspot }) => hotspot.state !== 'resolved');
  }

  get hotspots(): readonly Hotspot[] {
    return [...this.#tracked.values()].map(({ hotspot }) => hotspot);
  }

  /**
   * Counts one tick.
   * @param known whether a hotspot's peer still belongs to the target, so that a removed one resolves
   */
  update(signals: readonly Signal[], known: (hotspot: HotspotRef) => boolean, at: Date): readonly Hotspot[] {
    const heats = measureHeat(signals, this.#thresholds);
    const seen = new Set<string>();
    for (const heat of heats) {
      seen.add(nameOf(heat));
      const isNews = heat.heat === 'hot' || heat.heat === 'candidate';
      if (isNews || this.#tracked.size > 0) this.#count(hotspotId(this.#target, heat.scope, heat.peer), heat, at);
    }
    for (const [id, tracked] of this.#tracked) {
      const { hotspot } = tracked;
      if (!seen.has(nameOf(hotspot)) && hotspot.state !== 'resolved') {
        if (known(hotspot)) tracked.idleTicks++;
        else this.#calm(id, tracked, at);
      }
      if (hotspot.state === 'resolved' && at.getTime() - hotspot.updated.getTime() > RESOLVED_SHOWN_MS) {
        this.#tracked.delete(id);
      }
    }
    this.#noteRises(heats);
    return this.hotspots;
  }

  /** Keeps what a probe found. One that could not see does not erase the names of an earlier one; one that looked does. */
  attach(id: string, result: ProbeResult, at: Date): void {
    const tracked = this.#tracked.get(id);
    if (tracked === undefined) return;
    const before = tracked.hotspot.probe;
    const sawNothing = result.keys.length === 0 && result.absences.length > 0;
    let probe: Hotspot['probe'] = { ...result, at };
    if (before !== undefined && sawNothing) probe = { ...before, absences: result.absences };
    else if (before !== undefined && cannotTell(result, before)) probe = before;
    tracked.hotspot = { ...tracked.hotspot, probe };
  }

  /** Keeps what is said of a hotspot while it is hot, for when its peer does not answer or it has resolved. */
  remember(id: string, remembered: Remembered): void {
    const tracked = this.#tracked.get(id);
    if (tracked === undefined || tracked.hotspot.calm) return;
    tracked.remembered = remembered;
  }

  /** What was last remembered of a hotspot. */
  recall(id: string): Remembered | undefined {
    return this.#tracked.get(id)?.remembered;
  }

  #count(id: string, { scope, peer, heat }: PeerHeat, at: Date): void {
    let tracked = this.#tracked.get(id);
    if (heat === 'hot' || heat === 'candidate') {
      if (tracked === undefined || tracked.hotspot.state === 'resolved') {
        const hotspot: Hotspot = { id, scope, peer, state: 'suspected', since: at, updated: at, calm: false };
        tracked = { hotspot, hotTicks: 0, calmTicks: 0, idleTicks: 0, ...(tracked && { before: tracked }) };
        this.#tracked.set(id, tracked);
      }
      const counts = heat === 'hot' || this.#isExplained(tracked.hotspot);
      if (!counts && tracked.hotspot.state === 'open') {
        this.#calm(id, tracked, at);
        return;
      }
      tracked.hotTicks = counts ? tracked.hotTicks + 1 : 0;
      tracked.calmTicks = 0;
      tracked.idleTicks = counts ? 0 : tracked.idleTicks + 1;
      const opens = tracked.hotspot.state === 'suspected' && tracked.hotTicks >= this.#thresholds.openAfterTicks;
      tracked.hotspot = {
        ...tracked.hotspot,
        updated: at,
        calm: false,
        ...(opens && { state: 'open' }),
      };
      if (opens) delete tracked.before;
      return;
    }
    if (tracked === undefined || tracked.hotspot.state === 'resolved') return;
    if (heat === 'unknown') {
      tracked.idleTicks++;
      tracked.hotspot = { ...tracked.hotspot, updated: at };
    } else if (tracked.hotspot.state === 'suspected') this.#lapse(id, tracked);
    else if (heat === 'calm') this.#calm(id, tracked, at);
    else {
      tracked.calmTicks = 0;
      tracked.hotspot = { ...tracked.hotspot, updated: at, calm: false };
    }
  }

  #calm(id: string, tracked: Tracked, at: Date): void {
    if (tracked.hotspot.state === 'suspected') {
      this.#lapse(id, tracked);
      return;
    }
    tracked.hotTicks = 0;
    tracked.calmTicks++;
    const resolves = tracked.calmTicks >= this.#thresholds.resolveAfterTicks;
    tracked.hotspot = { ...tracked.hotspot, updated: at, calm: true, ...(resolves && { state: 'resolved' }) };
  }

  #lapse(id: string, { before }: Tracked): void {
    if (before === undefined) this.#tracked.delete(id);
    else this.#tracked.set(id, before);
  }

  /** A candidate (a lone node near its limit) is a hotspot only when one key makes the load. */
  #isExplained(hotspot: Hotspot): boolean {
    const keys = hotspot.probe?.keys ?? [];
    return keys.some((key) => key.low >= this.#thresholds.dominantKeyShare);
  }

  #noteRises(heats: readonly PeerHeat[]): void {
    let risen = false;
    const highest = new Map<string, number>();
    for (const heat of heats) {
      const { skew } = heat;
      const name = nameOf(heat);
      const before = this.#highest.get(name);
      if (before !== undefined && skew >= this.#thresholds.suspectSkew && skew - before >= RISE) risen = true;
      highest.set(name, Math.max(skew, (before ?? 0) * HIGHEST_DECAY));
    }
    this.#highest = highest;
    // A rise seen once is followed up a few times even if it does not rise further: the first window was partly calm.
    if (risen) this.#confirmations = MAX_CONFIRMATIONS;
    this.#risen = this.#confirmations > 0;
    if (this.#confirmations > 0) this.#confirmations--;
  }
}

function nameOf({ scope, peer }: Pick<HotspotRef, 'scope' | 'peer'>): string {
  return `${scope}\u0000${peer}`;
}

/** Evidence gets weaker with time (a counter reaches its ceiling): what cannot rank the keys does not refute what did. */
function cannotTell(result: ProbeResult, before: ProbeResult): boolean {
  const [first] = before.keys;
  const unranked = result.absences.some(({ code }) => code === 'warming');
  return unranked && first?.share !== undefined && result.keys.some(({ key }) => key === first.key);
}

/** A hash of target, scope and peer: the same over restarts of the agent and reopenings of the hotspot. */
export function hotspotId(target: string, scope: string, peer: string): string {
  return createHash('sha256').update([target, scope, peer].join('\u0000')).digest('hex').slice(0, 12);
}
