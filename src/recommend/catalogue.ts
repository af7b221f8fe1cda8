/** The catalogue of mitigations: their names for people, and the price of each in one sentence. */
import type { Mitigation } from '../model.ts';

export interface CatalogueEntry {
  readonly title: string;
  /** What it costs in consistency or ordering. */
  readonly tradeoff: string;
}

export const CATALOGUE = {
  key_replication: {
    title: 'Replicate the key and read a random copy',
    tradeoff:
      'Every write goes to all copies; a copy whose write failed serves the old value until the next write: right for rarely written data, wrong for balances and counters.',
  },
  local_cache: {
    title: 'Cache the key in the application process for one second',
    tradeoff:
      'Each instance may serve a value up to one TTL old, and instances differ from each other in that time: right for content and profiles, wrong for inventory and balances.',
  },
  sharded_counter: {
    title: 'Shard the counter and sum the shards on read',
    tradeoff: 'A read costs one GET a shard and sums values that were not read at the same instant.',
  },
  write_coalescing: {
    title: 'Collect writes in the process and send them once a second',
    tradeoff: 'Readers lag by up to the flush interval, and an instance that dies loses what it had not flushed.',
  },
  rebalance_slots: {
    title: 'Move slots to the masters that own too few',
    tradeoff:
      'Values stay consistent; while a slot moves, its keys cost an extra redirection and big keys block both nodes.',
  },
  read_replicas: {
    title: 'Read the key from replicas with READONLY',
    tradeoff: 'A replica lags its master by the replication delay, so a read may be stale by that much.',
  },
  write_bucketing: {
    title: 'Split the key into buckets by suffix',
    tradeoff: 'A read of the whole needs one read a bucket and a merge in the client.',
  },
  adaptive_capacity: {
    title: 'Let adaptive capacity or on-demand mode absorb it',
    tradeoff: 'Relief is limited to what one partition can serve; it is a safety net, not key design.',
  },
  compound_key: {
    title: 'Key messages by a compound key or with a suffix',
    tradeoff: 'Messages of one original key are no longer ordered among each other.',
  },
  null_key: {
    title: 'Send messages without a key',
    tradeoff: 'No ordering at all: any consumer may receive any message.',
  },
  custom_partitioner: {
    title: 'Partition by a more even attribute',
    tradeoff: 'Ordering holds for the new attribute and no longer for the old key.',
  },
  repartition_topic: {
    title: 'Repartition into a topic keyed by a more even attribute',
    tradeoff: 'A second topic to store and one more hop of latency; ordering holds for the new key.',
  },
  hybrid_fan_out: {
    title: 'Push for regular authors, pull for celebrities',
    tradeoff: 'Readers of a celebrity pay a merge at read time.',
  },
  edge_cache: {
    title: 'Serve the object from a CDN or edge cache',
    tradeoff: 'Readers see a value up to the edge TTL old, or until it is purged.',
  },
  rebalance_leaders: {
    title: 'Rebalance partition leaders',
    tradeoff: 'Ordering and data stay as they are; clients reconnect while a leader moves.',
  },
  scale_consumer: {
    title: 'Scale or mend the consumer',
    tradeoff: 'A rebalance pauses the group while partitions are handed over.',
  },
  replace_node: { title: 'Replace or relieve the node', tradeoff: 'Data moves to the new node while it joins.' },
  hash_monotonic_key: {
    title: 'Hash or reverse the monotonic key',
    tradeoff: 'Range scans in key order become scatter reads.',
  },
} as const satisfies Record<Mitigation, CatalogueEntry>;
