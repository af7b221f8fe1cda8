/** When skew and pressure become a hotspot, and when they stop being one. Ratios are 0..1. */
export interface Thresholds {
  /** A peer whose own skew reaches this is hot. */
  readonly openSkew: number;
  /** An open hotspot is calm below this: lower than `openSkew`, so that it does not flap. */
  readonly resolveSkew: number;
  /** A rise to this makes the agent look again at the confirming interval. */
  readonly suspectSkew: number;
  readonly openAfterTicks: number;
  readonly resolveAfterTicks: number;
  /** A lone node, or one fine peer alone, that uses this much of its node's limit is a way in beside skew. */
  readonly openPressure: number;
  /** The share of its node's load from which one key explains a lone node's load. */
  readonly dominantKeyShare: number;
}
