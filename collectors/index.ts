/** The explicit list of the kinds of target: the one door between `src` and the collectors. */
import type { Collector } from '../src/model.ts';
import { type RedisTargetConfig, redisTargetRules, redisTargetSchema, resolveRedisTarget } from './redis/config.ts';
import { RedisCollector } from './redis/index.ts';
import type { CollectorDeps } from './shared/collector-deps.ts';

export type { RedisTargetConfig } from './redis/config.ts';
export type { CollectorDeps } from './shared/collector-deps.ts';
export { withDeadline } from './shared/deadline.ts';
export { Failure } from './shared/failures.ts';
export { Secret } from './shared/secret.ts';
export { isFields, type RawFields, type ReadFile, type Report, resolveSecret, trimNewline } from './shared/settings.ts';

/**
 * For each system: the schema of its settings, the rules between them, what makes of them the configuration that its
 * collector receives, and the collector.
 */
export const collectorKinds = {
  redis: {
    targetSchema: redisTargetSchema,
    targetRules: redisTargetRules,
    resolveTarget: resolveRedisTarget,
    create: (config: RedisTargetConfig, deps: CollectorDeps): Collector => new RedisCollector(config, deps),
  },
} as const;

export type ConfiguredSystem = keyof typeof collectorKinds;
