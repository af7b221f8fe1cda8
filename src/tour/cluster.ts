/**
 * Makes a cluster of real servers: slots handed out as asked, replicas attached, ready when every node agrees. By the
 * cluster's own commands; no redis-cli needed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { readRole, readStrings } from './replies.ts';
import { adminConnection, type ServerConfig, type ServerGroup, startServers } from './server.ts';
import type { ServerBinary } from './serverCache.ts';

export const SLOTS = 16_384;

/** Inclusive. */
export type SlotRange = readonly [first: number, last: number];

export interface ClusterOptions {
  readonly masters?: number;
  readonly replicasPerMaster?: 0 | 1 | 2;
  readonly config?: ServerConfig;
  /** The slots of each master; even by default. Together they must cover all 16,384. */
  readonly slots?: readonly (readonly SlotRange[])[];
  readonly signal?: AbortSignal;
}

/** Nodes 0 … masters−1 begin as masters; the replicas follow, the first of each master first. */
export interface TestCluster extends ServerGroup {
  readonly masters: number;
  /** Makes replica `i` the master of its slots by CLUSTER FAILOVER; resolves when it is. */
  failover(i: number): Promise<void>;
  /** A connection for set-up commands to node `i`; the caller disconnects it. */
  connect(i: number): Redis;
}

const READY_WITHIN_MS = 30_000;

/** Rejects, with nothing left behind, when the nodes do not come up or do not agree within 30 s. */
export async function startCluster(binary: ServerBinary, options: ClusterOptions = {}): Promise<TestCluster> {
  const { masters = 3, replicasPerMaster = 0, config = {}, slots = evenRanges(masters), signal } = options;
  assertCover(slots, masters);
  const count = masters * (1 + replicasPerMaster);
  const group = await startServers(binary, {
    count,
    config: {
      'cluster-enabled': 'yes',
      'cluster-config-file': 'nodes.conf',
      'cluster-node-timeout': '2000',
      // Replicas attach within tens of milliseconds instead of the 5 s a diskless transfer waits for more of them.
      'repl-diskless-sync-delay': '0',
      ...config,
    },
    ...(signal === undefined ? {} : { signal }),
  });
  const { requirepass } = config;
  const auth = typeof requirepass === 'string' ? { password: requirepass } : {};
  const connect = (i: number) => adminConnection(portOf(group, i), auth);
  const links = group.nodes.map((_, i) => connect(i));
  try {
    await join(links, group, slots, masters);
    return Object.defineProperties(
      {
        ...group,
        masters,
        connect,
        async failover(i: number) {
          const link = connect(i);
          try {
            await link.call('CLUSTER', 'FAILOVER');
            await until('the replica to take over', async () => readRole(await link.call('ROLE')) === 'master');
          } finally {
            link.disconnect();
          }
        },
      },
      // The group's nodes change with restarts; a spread copy would not.
      { nodes: { get: () => group.nodes, enumerable: true } },
    );
  } catch (error) {
    await group.stop();
    throw error;
  } finally {
    for (const link of links) link.disconnect();
  }
}

/** Starts `sentinels` that watch `master` under `name`; resolves when each reports it. */
export async function startSentinel(
  binary: ServerBinary,
  master: { readonly host: string; readonly port: number },
  options: { readonly name?: string; readonly count?: number; readonly config?: Readonly<Record<string, string>> } = {},
): Promise<ServerGroup> {
  const { name = 'mymaster', count = 1, config = {} } = options;
  const group = await startServers(binary, { count, sentinel: true });
  try {
    for (const { port } of group.nodes) {
      const link = adminConnection(port);
      try {
        const quorum = Math.floor(count / 2) + 1;
        await link.call('SENTINEL', 'MONITOR', name, master.host, master.port, quorum);
        const settings = { 'down-after-milliseconds': '1000', 'failover-timeout': '5000', ...config };
        for (const [setting, value] of Object.entries(settings)) {
          await link.call('SENTINEL', 'SET', name, setting, value);
        }
        await until(`the sentinel to report ${name}`, async () => {
          const address = readStrings(await link.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name));
          return address[1] === String(master.port);
        });
      } finally {
        link.disconnect();
      }
    }
    return group;
  } catch (error) {
    await group.stop();
    throw error;
  }
}

/** The slots in as many equal runs as there are masters. */
export function evenRanges(masters: number): readonly (readonly SlotRange[])[] {
  const start = (i: number) => Math.round((i * SLOTS) / masters);
  return Array.from({ length: masters }, (_, i) => [[start(i), start(i + 1) - 1] as const]);
}

function assertCover(slots: readonly (readonly SlotRange[])[], masters: number): void {
  const owners = new Uint8Array(SLOTS);
  for (const [first, last] of slots.flat())
    for (let slot = first; slot <= last; slot++) owners[slot] = (owners[slot] ?? 0) + 1;
  if (slots.length !== masters) throw new RangeError(`slots: ${slots.length} masters given, ${masters} expected`);
  const wrong = owners.findIndex((owned) => owned !== 1);
  if (wrong >= 0) throw new RangeError(`slots: slot ${wrong} has ${owners[wrong]} owners; every slot needs one`);
}

async function join(
  links: readonly Redis[],
  group: ServerGroup,
  slots: readonly (readonly SlotRange[])[],
  masters: number,
): Promise<void> {
  // Epochs of their own spare the nodes the collisions they would otherwise resolve one by one. A node takes one only
  // while it knows no other, and the first MEET of any makes it known to all.
  for (const [i, link] of links.entries()) await link.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
  for (const [i, link] of links.entries()) {
    const ranges = slots[i]?.flat() ?? [];
    if (ranges.length > 0) await link.call('CLUSTER', 'ADDSLOTSRANGE', ...ranges);
    for (const other of group.nodes) await link.call('CLUSTER', 'MEET', other.host, other.port);
  }
  await untilAll(links, 'the nodes to meet', async (link) => {
    const nodes = parseNodes(await link.call('CLUSTER', 'NODES'));
    return nodes.length === links.length && nodes.every(({ flags }) => !flags.includes('handshake'));
  });
  const ids = await Promise.all(links.map((link) => link.call('CLUSTER', 'MYID')));
  for (const [i, link] of links.entries()) {
    if (i >= masters) await link.call('CLUSTER', 'REPLICATE', String(ids[(i - masters) % masters]));
  }
  await untilAll(links, 'the cluster to agree', async (link) => {
    const nodes = parseNodes(await link.call('CLUSTER', 'NODES'));
    const replicas = nodes.filter(({ flags }) => flags.includes('slave') || flags.includes('replica'));
    const info = String(await link.call('CLUSTER', 'INFO'));
    return (
      replicas.length === links.length - masters &&
      info.includes('cluster_state:ok') &&
      info.includes(`cluster_slots_assigned:${SLOTS}`) &&
      info.includes(`cluster_known_nodes:${links.length}`)
    );
  });
  await untilAll(links.slice(masters), 'the replicas to be in step', async (link) =>
    (await link.info('replication')).includes('master_link_status:up'),
  );
}

function parseNodes(reply: unknown): { readonly id: string; readonly flags: readonly string[] }[] {
  const lines = String(reply).trim().split('\n');
  return lines.map((line) => {
    const [id = '', , flags = ''] = line.split(' ');
    return { id, flags: flags.split(',') };
  });
}

function portOf(group: ServerGroup, i: number): number {
  const node = group.nodes[i];
  if (node === undefined) throw new RangeError(`no node ${i}: there are ${group.nodes.length}`);
  return node.port;
}

function untilAll(links: readonly Redis[], what: string, holds: (link: Redis) => Promise<boolean>): Promise<unknown> {
  return Promise.all(links.map((link) => until(what, () => holds(link))));
}

/** Asks again and again, a little later each time. Rejects with what it waited for. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  withinMs: number = READY_WITHIN_MS,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  let lastError: unknown;
  for (let pauseMs = 10; ; pauseMs = Math.min(200, pauseMs * 1.5)) {
    try {
      if (await holds()) return;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${withinMs / 1000} s in vain for ${what}`, { cause: lastError });
    }
    await sleep(pauseMs);
  }
}
