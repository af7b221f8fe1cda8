/**
 * The proof of the rules: every row gives the facts, what each rule says of them, and the verdict.
 *
 *     1 hot_counter   2 hot_write_key   3 hot_read_key   4 uneven_placement   5 undetermined (always)
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupByPeers } from '../../../src/detect/groups.ts';
import { scoreSignal } from '../../../src/detect/signal.ts';
import { type Case, gatherCase } from '../../../src/diagnose/case.ts';
import { diagnose, dominantKey, mixOfKey, RULES } from '../../../src/diagnose/rules.ts';
import type { Absence, Cause, KeyShare } from '../../../src/model.ts';
import { openHotspot } from '../../support/agent.ts';
import { DEFAULTS, keyOf, type NodeLoad, probeOf, readingOf } from '../../support/readings.ts';

const show = (key: string) => key;

type Nodes = Readonly<Record<string, NodeLoad>>;

/** The facts of peer `a`. */
function caseOf(nodes: Nodes, keys?: readonly KeyShare[], absences: readonly Absence[] = []): Case {
  const hotspot = openHotspot('a', keys === undefined ? undefined : probeOf(keys, absences));
  const signals = groupByPeers(readingOf(nodes)).map(scoreSignal);
  const facts = gatherCase(hotspot, signals, { kind: 'none' }, DEFAULTS);
  assert.ok(facts);
  return facts;
}

/** A load of calls with its mix, in parts of 1. */
function load(calls: number, reads: number, writes: number, increments: number, more: NodeLoad = {}): NodeLoad {
  return { calls, reads: calls * reads, writes: calls * writes, increments: calls * increments, ...more };
}

/** Peers `b` and `c`, like `a` but not hot. */
function beside(a: NodeLoad, other: NodeLoad): Nodes {
  return { a, b: other, c: other };
}

const usual = load(5000, 0.8, 0.15, 0.05);
const mix = (reads: number, writes: number, increments: number) => ({ mix: { reads, writes, increments } });
const saturated = (key: string): KeyShare => ({ key, low: 0.01, high: 1, evidence: 'a counter at its ceiling' });

// What `a` has more than its peers is 10,000 calls a second: 2/3 of its load.
const plusReads = { calls: 15_000, reads: 14_000, writes: 750, increments: 250 };
const plusWrites = { calls: 15_000, reads: 4000, writes: 10_750, increments: 250 };
const plusIncrements = { calls: 15_000, reads: 4000, writes: 750, increments: 10_250 };
const plusOfEach = { calls: 15_000, reads: 8000, writes: 4250, increments: 2750 };

/** What rules 1 to 4 say, and the verdict; 5 always holds. */
interface Verdict {
  readonly holds: readonly [counter: boolean, write: boolean, read: boolean, placement: boolean];
  readonly cause: Cause;
}
const COUNTER: Verdict = { holds: [true, false, false, false], cause: 'hot_counter' };
const WRITE: Verdict = { holds: [false, true, false, false], cause: 'hot_write_key' };
const READ: Verdict = { holds: [false, false, true, false], cause: 'hot_read_key' };
const PLACEMENT: Verdict = { holds: [false, false, false, true], cause: 'uneven_placement' };
const NONE: Verdict = { holds: [false, false, false, false], cause: 'undetermined' };

const UNPROBED = undefined;

type Row = readonly [facts: string, nodes: Nodes, keys: readonly KeyShare[] | undefined, verdict: Verdict];

const threefold = (own: NodeLoad): NodeLoad => ({ ...own, slots: 9000 });
const uneven = {
  a: load(18_000, 0.8, 0.15, 0.05, { slots: 9000 }),
  b: { ...usual, slots: 2500 },
  c: { ...usual, slots: 2500 },
};

const PROOF: readonly Row[] = [
  // The mix of the key was seen command by command: it decides, whatever the nodes do.
  ['key seen, reads', beside(plusIncrements, usual), [keyOf('k', 0.66, mix(0.9, 0.1, 0))], READ],
  ['key seen, writes', beside(plusReads, usual), [keyOf('k', 0.66, mix(0.2, 0.8, 0))], WRITE],
  ['key seen, increments', beside(plusReads, usual), [keyOf('k', 0.66, mix(0.1, 0, 0.9))], COUNTER],
  ['key seen, no majority', beside(plusReads, usual), [keyOf('k', 0.66, mix(0.4, 0.3, 0.3))], NONE],
  ['key seen, half and half', beside(plusReads, usual), [keyOf('k', 0.66, mix(0.5, 0.5, 0))], NONE],

  // The mix is that of what the peer does more than its peers.
  ['excess of reads', beside(plusReads, usual), [keyOf('k', 0.66)], READ],
  ['excess of writes', beside(plusWrites, usual), [keyOf('k', 0.66)], WRITE],
  [
    'excess of increments, though the peer still reads the most',
    beside({ calls: 9000, reads: 4400, writes: 750, increments: 3850 }, usual),
    [keyOf('k', 0.45)],
    COUNTER,
  ],
  ['excess of each', beside(plusOfEach, usual), [keyOf('k', 0.66)], NONE],
  ['excess, commands not known', beside({ calls: 15_000 }, { calls: 5000 }), [keyOf('k', 0.66)], NONE],

  // A lone peer has no excess; of its own mix only a part is certainly the key's.
  [
    'lone, 0.9 reads, key 0.6: at least 5/6 of the key',
    { a: load(9000, 0.9, 0.1, 0) },
    [keyOf('k', 0.6, { low: 0.6 })],
    READ,
  ],
  [
    'lone, 0.85 increments, key 0.5: at least 0.7 of the key',
    { a: load(9000, 0.15, 0, 0.85) },
    [keyOf('k', 0.5, { low: 0.5 })],
    COUNTER,
  ],
  [
    'lone, 0.9 writes, key 0.3: at least 2/3 of the key',
    { a: load(9000, 0.1, 0.9, 0) },
    [keyOf('k', 0.3, { low: 0.3 })],
    WRITE,
  ],
  [
    'lone, 0.7 reads, key 0.5: at least 0.4 of the key, ambiguous',
    { a: load(9000, 0.7, 0.3, 0) },
    [keyOf('k', 0.5, { low: 0.5 })],
    NONE,
  ],
  [
    'lone, the bound counts from the least share',
    { a: load(9000, 0.85, 0.15, 0) },
    [keyOf('k', 0.6, { low: 0.25 })],
    NONE,
  ],
  ['lone, key may be below the dominant share', { a: load(9000, 1, 0, 0) }, [keyOf('k', 0.6, { low: 0.19 })], NONE],
  [
    'lone, a single saturated key with a share of at least 0.4',
    { a: load(9000, 1, 0, 0) },
    [{ ...saturated('k'), low: 0.4 }],
    READ,
  ],

  // Evidence that only bounds: one key out of sight is taken to make the excess, two cannot be ranked.
  ['one saturated key', beside(plusReads, usual), [saturated('k'), keyOf('l', 0.01)], READ],
  ['one saturated key, listed last', beside(plusReads, usual), [keyOf('l', 0.01), saturated('k')], READ],
  [
    'one saturated key that cannot make half of the excess',
    beside(plusReads, usual),
    [{ ...saturated('k'), high: 0.3 }],
    NONE,
  ],
  ['two saturated keys', beside(plusReads, usual), [saturated('k'), saturated('l')], NONE],
  [
    'two saturated keys and a known one',
    beside(plusReads, usual),
    [saturated('k'), saturated('l'), keyOf('m', 0.6)],
    NONE,
  ],
  ['two keys of the same share', beside(plusReads, usual), [keyOf('k', 0.4), keyOf('l', 0.4)], NONE],

  // How much of the excess a key has to make, and how much of its peer.
  ['key makes half of the excess', beside(plusReads, usual), [keyOf('k', 0.34)], READ],
  ['key makes less than half of the excess', beside(plusReads, usual), [keyOf('k', 0.32)], NONE],
  ['small excess, key below the least share', beside(load(5800, 0.85, 0.1, 0.05), usual), [keyOf('k', 0.09)], NONE],
  [
    'small excess, key above the least share',
    beside({ calls: 5800, reads: 4800, writes: 750, increments: 250 }, usual),
    [keyOf('k', 0.11)],
    READ,
  ],
  ['not probed', beside(plusReads, usual), UNPROBED, NONE],
  ['probed, no key', beside(plusReads, usual), [], NONE],

  // Placement: hot against equal shares, even against the slots owned, and no key that makes it.
  ['three times the slots, no key', uneven, [], PLACEMENT],
  ['three times the slots, not probed', uneven, UNPROBED, PLACEMENT],
  ['three times the slots, a small key', uneven, [keyOf('k', 0.05)], PLACEMENT],
  ['three times the slots, a saturated key: its share could be small', uneven, [saturated('k')], PLACEMENT],
  [
    'three times the slots, ten times the load, a saturated key: the slots do not explain it',
    { ...uneven, a: threefold(load(60_000, 0.8, 0.15, 0.05)) },
    [saturated('k')],
    READ,
  ],
  [
    'three times the slots and a dominant key: the key explains it',
    { ...uneven, a: threefold(load(18_000, 0.9, 0.07, 0.03)) },
    [keyOf('k', 0.6)],
    READ,
  ],
  [
    'three times the slots, but ten times the load',
    { ...uneven, a: threefold(load(60_000, 0.8, 0.15, 0.05)) },
    [],
    NONE,
  ],
  ['fewer slots than others, but hot', { ...uneven, a: { ...plusReads, slots: 1000 } }, [], NONE],
  [
    'fair slots',
    { a: { ...plusReads, slots: 5000 }, b: { ...usual, slots: 5000 }, c: { ...usual, slots: 5000 } },
    [],
    NONE,
  ],

  // Hot by the cost of its calls, not by their number: the excess is of the main load.
  [
    'costly calls, key seen',
    beside({ ...usual, cpu: 0.9 }, { ...usual, cpu: 0.2 }),
    [keyOf('k', 0.7, mix(1, 0, 0))],
    READ,
  ],
  [
    'costly calls, key of few calls',
    beside({ ...usual, cpu: 0.9 }, { ...usual, cpu: 0.2 }),
    [keyOf('k', 0.2, mix(1, 0, 0))],
    NONE,
  ],
  [
    'costly calls, the chance excess of calls tells no mix',
    beside({ ...usual, increments: 260, calls: 5010, cpu: 0.9 }, { ...usual, cpu: 0.2 }),
    [keyOf('k', 0.4, { low: 0.3 })],
    NONE,
  ],
];

for (const [facts, nodes, keys, { holds, cause }] of PROOF) {
  test(`${facts}: ${cause}`, () => {
    const gathered = caseOf(nodes, keys);
    const said = RULES.map((rule) => [rule.number, rule.cause, rule.holds(gathered)]);
    const [counter, write, read, placement] = holds;
    assert.deepEqual(said, [
      [1, 'hot_counter', counter],
      [2, 'hot_write_key', write],
      [3, 'hot_read_key', read],
      [4, 'uneven_placement', placement],
      [5, 'undetermined', true],
    ]);
    const diagnosis = diagnose(gathered, show);
    assert.equal(diagnosis.id, cause);
    assert.ok(diagnosis.statement.length > 0 && diagnosis.evidence.length > 0);
    if (cause === 'undetermined') assert.ok(diagnosis.missing.length > 0, 'says what evidence is missing');
  });
}

test('the proof has every verdict of every rule both ways', () => {
  for (const rule of RULES.slice(0, 4)) {
    const column = PROOF.map(([, , , { holds }]) => holds[rule.number - 1]);
    assert.ok(column.includes(true) && column.includes(false), rule.cause);
  }
});

test('a lone key mix bound is sound: no split of the node that has it could be of another kind', () => {
  for (let share = 0.05; share < 1; share += 0.05) {
    for (let keyReads = 0; keyReads <= 1; keyReads += 0.1) {
      for (let otherReads = 0; otherReads <= 1; otherReads += 0.1) {
        const reads = share * keyReads + (1 - share) * otherReads;
        const facts = caseOf({ a: load(9000, reads, 1 - reads, 0) }, [
          keyOf('k', share, { low: Math.max(0.2, share * 0.8) }),
        ]);
        if (share < 0.2 || dominantKey(facts) === undefined) continue;
        const known = mixOfKey(facts);
        assert.ok(known && known.source === 'node');
        assert.ok(known.mix.reads <= keyReads + 1e-9, `share ${share}: ${known.mix.reads} > ${keyReads}`);
        assert.ok(known.mix.writes <= 1 - keyReads + 1e-9);
      }
    }
  }
});

test('what is missing comes with how to enable it', () => {
  const absences: Absence[] = [
    {
      scope: 'keys',
      code: 'disabled',
      reason: 'the policy is not LFU',
      remedy: 'CONFIG SET maxmemory-policy allkeys-lfu',
    },
    { scope: 'keys', code: 'unsupported', reason: 'HOTKEYS is not in this version' },
  ];
  assert.deepEqual(diagnose(caseOf(beside(plusReads, usual), [], absences), show).missing, [
    'the policy is not LFU; to enable: CONFIG SET maxmemory-policy allkeys-lfu',
    'HOTKEYS is not in this version',
  ]);
  const ambiguous = diagnose(caseOf({ a: load(9000, 0.7, 0.3, 0) }, [keyOf('k', 0.5)], absences), show);
  assert.match(
    ambiguous.statement,
    /^one key, k, makes 50 % of the load of a; whether by reads or writes cannot be told$/,
  );
  assert.match(ambiguous.missing[0] ?? '', /^how the key is used: /);
  assert.equal(ambiguous.missing.length, 3);
  assert.deepEqual(diagnose(caseOf(beside(plusReads, usual), [keyOf('k', 0.66)], absences), show).missing, []);
  const unprobed = diagnose(caseOf(beside(plusReads, usual)), show);
  assert.equal(unprobed.statement, 'the keys of the hot peer have not been looked at yet');
  const unranked = diagnose(caseOf(beside(plusReads, usual), [saturated('k'), saturated('l')]), show);
  assert.equal(unranked.statement, '2 keys are hot and the evidence cannot rank them');
});

test('the evidence gives the numbers behind the statement', () => {
  const facts = caseOf(beside({ ...plusReads, cpu: 0.9 }, { ...usual, cpu: 0.3 }), [keyOf('k', 0.66)]);
  assert.deepEqual(diagnose(facts, show), {
    id: 'hot_read_key',
    statement: 'reads of one key, k, make 66 % of the load of a',
    evidence: [
      '60 % of the cpu of 3 peers (1.8× its fair share): 0.9 cores, at 90 % of its limit',
      '60 % of the calls of 3 peers (1.8× its fair share): 15,000 calls/s',
      "k: 66 % of the peer's load (63 % to 69 %), by a test",
      'what the peer does more than its peers is 100 % reads, 0 % writes, 0 % increments',
    ],
    missing: [],
  });
  assert.equal(
    diagnose(caseOf(uneven, []), show).statement,
    'a owns 1.9× its fair number of slots; its load per owned part is even',
  );
});

test('the excess is by hand what the peer has more than the mean of its peers', () => {
  const facts = caseOf({ a: plusReads, b: load(3000, 1, 0, 0), c: load(9000, 1, 0, 0) }, []);
  assert.equal(facts.excessShare, (15_000 - 6000) / 15_000);
  assert.deepEqual(facts.excessMix, { reads: 8000 / 9000, writes: 750 / 9000, increments: 250 / 9000 });
});

test('a peer without a load of its own has no case', () => {
  const signals = groupByPeers(readingOf({ a: { latency_p99: 1 }, b: usual, c: usual })).map(scoreSignal);
  assert.equal(gatherCase(openHotspot('a'), signals, { kind: 'none' }, DEFAULTS), undefined);
});

test('where a key has wide bounds, the excess of its node within them is the better estimate, and is said to be', () => {
  const loads = { a: { calls: 15_000 }, b: { calls: 5000 }, c: { calls: 5000 } };
  const topKey = (share: number, low: number, high: number) => caseOf(loads, [keyOf('k', share, { low, high })]).topKey;
  assert.ok(Math.abs((topKey(0.5, 0.4, 0.9)?.share ?? 0) - 2 / 3) < 1e-9);
  assert.match(topKey(0.5, 0.4, 0.9)?.evidence ?? '', /its node's excess over its peers/);
  assert.equal(topKey(0.66, 0.64, 0.69)?.share, 0.66, 'narrow bounds need no help');
  assert.equal(topKey(0.2, 0.1, 0.4)?.share, 0.2, 'what contradicts the bounds is no help');
});

test('a use that no peer has is no excess of it, and hides no other', () => {
  const node = (reads: number) => ({ calls: reads, reads, writes: 0, increments: 0 });
  const facts = caseOf({ a: node(15_000), b: node(5000), c: node(5000) }, [keyOf('k', 0.66)]);
  assert.deepEqual(mixOfKey(facts), { mix: { reads: 1, writes: 0, increments: 0 }, source: 'excess' });
});
