/**
 * What the exposition may see of the agent: a read-only window, so that nothing under `src/expose` can reach a
 * target's configuration, its connections or its secrets.
 */
import type { TargetStatus } from '../model.ts';

export interface AgentView {
  /** Every configured target, in the order of the configuration; the latest known of each. */
  targets(): readonly TargetStatus[];
  /** Ready once every target was polled, well or not; the reason says which one is still awaited. */
  ready(): { readonly ready: boolean; readonly reason: string };
  readonly startedAt: Date;
  readonly version: string;
}
