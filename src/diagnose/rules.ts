/**
 * Why a peer is hot: ordered, numbered rules; the first that holds decides. Each is a pure predicate on the facts
 * of `Case`, and its verdict carries the evidence for every sentence. test/src/diagnose/rules.test.ts is the proof.
 */

import { skewOf } from '../detect/skew.ts';
import type { AccessMix, Cause, Diagnosis } from '../model.ts';
import type { Case, NamedKey } from './case.ts';
import { amount, percent, times } from './words.ts';

/** A key explains a hotspot when it makes at least this part of the excess over the other peers. */
const PART_OF_EXCESS = 0.5;
/** Below this share of its own node no key is a hot key, whatever the excess. */
const LEAST_SHARE = 0.1;
/** The part of a key's accesses that decides what kind of hot key it is. */
const MAJORITY = 0.5;

interface Rule {
  readonly number: number;
  readonly cause: Cause;
  readonly holds: (facts: Case) => boolean;
  readonly statement: (facts: Case, show: (key: string) => string) => string;
}

/** In this order: a key that makes the load explains it whatever else is uneven; then placement; then nothing. */
export const RULES: readonly Rule[] = [
  {
    number: 1,
    cause: 'hot_counter',
    holds: (facts) => keyIs(facts, 'increments'),
    statement: keyStatement('increments'),
  },
  { number: 2, cause: 'hot_write_key', holds: (facts) => keyIs(facts, 'writes'), statement: keyStatement('writes') },
  { number: 3, cause: 'hot_read_key', holds: (facts) => keyIs(facts, 'reads'), statement: keyStatement('reads') },
  { number: 4, cause: 'uneven_placement', holds: isUnevenlyPlaced, statement: placementStatement },
  { number: 5, cause: 'undetermined', holds: () => true, statement: undeterminedStatement },
];

export function diagnose(facts: Case, show: (key: string) => string): Diagnosis {
  const rule = RULES.find((candidate) => candidate.holds(facts));
  if (rule === undefined) throw new Error('the last rule always holds');
  return {
    id: rule.cause,
    statement: rule.statement(facts, show),
    evidence: evidenceOf(facts, show),
    missing: rule.cause === 'undetermined' || dominantKey(facts) === undefined ? missingOf(facts) : [],
  };
}

/** The key that explains the hotspot, whatever it is used for. */
export function dominantKey(facts: Case): NamedKey | undefined {
  const { topKey, excessShare, thresholds } = facts;
  if (topKey === undefined || topKey.share < LEAST_SHARE) return undefined;
  if (excessShare === undefined) return topKey.low >= thresholds.dominantKeyShare ? topKey : undefined;
  return topKey.share >= PART_OF_EXCESS * excessShare ? topKey : undefined;
}

/** How the dominant key is used: seen command by command, else told by what its node does more than its peers. */
export function mixOfKey(facts: Case): { mix: AccessMix; source: 'key' | 'excess' | 'node' } | undefined {
  const key = dominantKey(facts);
  if (key === undefined) return undefined;
  if (key.mix !== undefined) return { mix: key.mix, source: 'key' };
  if (facts.excessShare !== undefined && facts.excessMix !== undefined)
    return { mix: facts.excessMix, source: 'excess' };
  if (facts.peerMix === undefined) return undefined;
  return { mix: certainPart(facts.peerMix, key.low), source: 'node' };
}

/** Of a key with share s on a node whose commands are a part a of a class, at least (a + s − 1)/s are of that class. */
function certainPart(node: AccessMix, share: number): AccessMix {
  const least = (part: number) => (share <= 0 ? 0 : Math.max(0, (part + share - 1) / share));
  return { reads: least(node.reads), writes: least(node.writes), increments: least(node.increments) };
}

function keyIs(facts: Case, use: keyof AccessMix): boolean {
  const known = mixOfKey(facts);
  return known !== undefined && known.mix[use] > MAJORITY;
}

/** Rule 4: hot against equal shares, fair against the parts owned, and no key that makes the load. */
function isUnevenlyPlaced(facts: Case): boolean {
  const { signal, load } = facts.main;
  if (dominantKey(facts) !== undefined || load.parts === undefined) return false;
  const owned = partsRatio(facts);
  if (owned === undefined || owned <= 1) return false;
  const perPart = skewOf(load.timesFair / owned, signal.peers.length);
  return perPart < facts.thresholds.resolveSkew && skewOf(owned, signal.peers.length) >= perPart;
}

/** The parts the peer owns over the mean of its group. */
function partsRatio(facts: Case): number | undefined {
  const { signal, load } = facts.main;
  let total = 0;
  for (const peer of signal.peers) total += peer.parts ?? 0;
  return total > 0 && load.parts !== undefined ? (load.parts * signal.peers.length) / total : undefined;
}

function keyStatement(use: keyof AccessMix) {
  const words = { reads: 'reads of', writes: 'writes to', increments: 'increments of' }[use];
  return (facts: Case, show: (key: string) => string): string => {
    const key = dominantKey(facts);
    if (key === undefined) throw new Error('a key rule holds only with a dominant key');
    return `${words} one key, ${show(key.key)}, make ${percent(key.share)} of the load of ${facts.hotspot.peer}`;
  };
}

function placementStatement(facts: Case): string {
  const { signal, load } = facts.main;
  const part = signal.scope.partName ?? 'parts';
  return `${load.peer} owns ${times(partsRatio(facts) ?? 1)} its fair number of ${part}; its load per owned part is even`;
}

function undeterminedStatement(facts: Case, show: (key: string) => string): string {
  const key = dominantKey(facts);
  if (key !== undefined) {
    return `one key, ${show(key.key)}, makes ${percent(key.share)} of the load of ${facts.hotspot.peer}; whether by reads or writes cannot be told`;
  }
  if (!facts.probed) return 'the keys of the hot peer have not been looked at yet';
  const [first] = facts.keys;
  if (first === undefined) return 'no key could be named';
  const bounded = facts.keys.filter((candidate) => candidate.share === undefined);
  if (bounded.length > 1) return `${bounded.length} keys are hot and the evidence cannot rank them`;
  return `no single key explains it: the hottest, ${show(first.key)}, makes ${percent(first.share ?? first.low)} of the load`;
}

function evidenceOf(facts: Case, show: (key: string) => string): string[] {
  const lines: string[] = [];
  for (const signal of facts.signals) {
    const load = signal.peers.find((peer) => peer.peer === facts.hotspot.peer);
    if (signal.resource.role !== 'load' || load === undefined) continue;
    const limit = load.pressure === undefined ? '' : `, at ${percent(load.pressure)} of its limit`;
    const fair =
      signal.peers.length > 1
        ? `${percent(load.share)} of the ${signal.resource.name} of ${signal.peers.length} peers (${times(load.timesFair)} its fair share)`
        : signal.resource.name;
    lines.push(`${fair}: ${amount(load.value, signal.resource)}${limit}`);
  }
  const key = facts.topKey;
  if (key !== undefined) {
    lines.push(
      `${show(key.key)}: ${percent(key.share)} of the peer's load (${percent(key.low)} to ${percent(key.high)}), by ${key.evidence}`,
    );
  }
  const known = mixOfKey(facts);
  if (known !== undefined) {
    const { reads, writes, increments } = known.mix;
    const source = {
      key: 'its commands are',
      excess: 'what the peer does more than its peers is',
      node: 'at least, of its commands:',
    }[known.source];
    lines.push(`${source} ${percent(reads)} reads, ${percent(writes)} writes, ${percent(increments)} increments`);
  }
  return lines;
}

/** Never empty for a hotspot that could not be explained: what the evidence would have to tell, if nothing else. */
function missingOf(facts: Case): string[] {
  if (!facts.probed) return ['a probe of the hot peer: it is under way, or disabled, or its budget is spent'];
  const lines = facts.probeAbsences.map(({ reason, remedy }) =>
    remedy === undefined ? reason : `${reason}; to enable: ${remedy}`,
  );
  if (dominantKey(facts) !== undefined) {
    lines.unshift('how the key is used: evidence that sees single commands, such as a MONITOR burst, would tell');
  } else if (lines.length === 0) {
    lines.push(
      facts.keys.length === 0
        ? 'a key: the probe could look and named none'
        : "a key that stands out: evidence that ranks more keys, or the peer's commands by cost, would tell",
    );
  }
  return lines;
}
