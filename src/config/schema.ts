/**
 * The schema of everything in the configuration but what is particular to one system, with every default and the
 * description from which the reference is made.
 */
import * as z from 'zod';
import { collectorKinds } from '../../collectors/index.ts';

const HOUR_MS = 3_600_000;

const interval = z.int().min(100).max(HOUR_MS);
const ratio = z.number().min(0).max(1);
const ticks = z.int().min(1).max(1000);

// The fields of the two sections that a target may override: an override changes only what it names, so the defaults
// belong to the section and not to the field.
const pollFields = {
  intervalMs: interval.describe('How often a target is polled.'),
  confirmIntervalMs: interval.describe('How soon it is polled again while a hotspot is suspected.'),
  deadlineMs: interval.describe('How long one poll may last.'),
  maxBackoffMs: interval.describe('How far polls of a failing target are spread at most.'),
};

const pollSection = z.strictObject({
  intervalMs: pollFields.intervalMs.default(10_000),
  confirmIntervalMs: pollFields.confirmIntervalMs.default(1000),
  deadlineMs: pollFields.deadlineMs.default(5000),
  maxBackoffMs: pollFields.maxBackoffMs.default(60_000),
});

const detectFields = {
  openSkew: ratio.describe('A peer whose skew reaches this is hot: 0.45 is about 1.8 times the mean.'),
  resolveSkew: ratio.describe('An open hotspot is calm below this. Lower than `openSkew`.'),
  suspectSkew: ratio.describe('A rise to this makes the agent look again. At most `openSkew`.'),
  openAfterTicks: ticks.describe('Hot polls in a row that open a hotspot.'),
  resolveAfterTicks: ticks.describe('Calm polls in a row that resolve it.'),
  openPressure: z
    .number()
    .positive()
    .max(1)
    .describe('A lone node, or one slot or key alone, that uses this much of the limit opens a hotspot without skew.'),
  dominantKeyShare: ratio.describe("The share of its node's load from which one key explains the load of a lone node."),
};

const detectSection = z.strictObject({
  openSkew: detectFields.openSkew.default(0.45),
  resolveSkew: detectFields.resolveSkew.default(0.3),
  suspectSkew: detectFields.suspectSkew.default(0.2),
  openAfterTicks: detectFields.openAfterTicks.default(2),
  resolveAfterTicks: detectFields.resolveAfterTicks.default(3),
  openPressure: detectFields.openPressure.default(0.8),
  dominantKeyShare: detectFields.dominantKeyShare.default(0.2),
});

export const rootSchema = z.strictObject({
  listen: z
    .strictObject({
      host: z.string().min(1).default('0.0.0.0').describe('Address to serve metrics, API and page on.'),
      port: z.int().min(0).max(65_535).default(9464).describe('Port to serve on; 0 takes any free one.'),
    })
    .prefault({})
    .describe('Where the agent serves.'),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('The least severe log lines that are written.'),
    })
    .prefault({})
    .describe('JSON lines on standard output.'),
  poll: pollSection.prefault({}).describe('The rhythm of the cheap look.'),
  detect: detectSection.prefault({}).describe('When skew and pressure become a hotspot.'),
  keys: z
    .strictObject({
      show: z
        .enum(['plain', 'prefix', 'hmac'])
        .default('plain')
        .describe('How keys leave the agent: as they are, cut to a prefix, or as a keyed hash.'),
      prefixLength: z.int().min(1).max(1024).default(8).describe('Characters that `show: prefix` leaves.'),
      secret: z.string().min(1).meta({ secret: true }).optional().describe('The key of `show: hmac`.'),
      secretFile: z.string().min(1).meta({ file: 'secret' }).optional().describe('File with the key of `show: hmac`.'),
    })
    .prefault({})
    .describe('Redaction of keys in metrics, API, page and log.'),
  expose: z
    .strictObject({
      topPeers: z.int().min(1).max(1000).default(20).describe('Peers a group shown by name in the metrics.'),
      topKeys: z.int().min(0).max(1000).default(10).describe('Keys a hotspot shown by name in the metrics.'),
    })
    .prefault({})
    .describe('Bounds on what the metrics name.'),
  targets: z.array(z.unknown()).min(1).describe('What to watch.'),
});

/** What every target has, whatever its system. */
const commonTargetFields = {
  name: z
    .string()
    .regex(/^[a-zA-Z0-9_.-]+$/, 'has to be made of letters, digits, _ . and - only: it becomes a label')
    .max(100)
    .describe('Unique name, a label of every metric: letters, digits, `_`, `.` and `-`.'),
  poll: z.strictObject(pollFields).partial().optional().describe('Overrides of `poll` for this target.'),
  detect: z.strictObject(detectFields).partial().optional().describe('Overrides of `detect` for this target.'),
};

export const targetSchemas = {
  redis: z.strictObject({
    name: commonTargetFields.name,
    system: z.literal('redis').describe('Which kind of system it is; `redis` also stands for Valkey.'),
    ...collectorKinds.redis.targetSchema.shape,
    poll: commonTargetFields.poll,
    detect: commonTargetFields.detect,
  }),
} satisfies Record<keyof typeof collectorKinds, z.ZodType>;

export type RootInput = z.output<typeof rootSchema>;
export type PollConfig = Readonly<z.output<typeof pollSection>>;
export type DetectConfig = Readonly<z.output<typeof detectSection>>;
