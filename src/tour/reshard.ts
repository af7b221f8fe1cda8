/** Moves slots with their keys from one master to another while clients go on, as `redis-cli --cluster reshard` does. */
import type { Redis } from 'ioredis';
import type { TestCluster } from './cluster.ts';
import { readRole, readStrings } from './replies.ts';

/** Slots whose state is changed in one round trip; each is moved whole before the next lot begins. */
const SLOTS_AT_ONCE = 64;
const KEYS_AT_ONCE = 200;

/** `from` and `to` count the cluster's nodes; both must be masters, and `from` must own every one of `slots`. */
export async function moveSlots(
  cluster: TestCluster,
  from: number,
  to: number,
  slots: readonly number[],
): Promise<void> {
  const links = cluster.nodes.map((_, i) => cluster.connect(i));
  try {
    const source = at(links, from);
    const target = at(links, to);
    const others: Redis[] = [];
    for (const [i, link] of links.entries()) {
      if (i === from || i === to) continue;
      // A node that is dead or a replica learns of the move from the others.
      const role = await link.call('ROLE').catch(() => ['unreachable']);
      if (readRole(role) === 'master') others.push(link);
    }
    const sourceId = String(await source.call('CLUSTER', 'MYID'));
    const targetId = String(await target.call('CLUSTER', 'MYID'));
    const { host, port } = at(cluster.nodes, to);
    for (let i = 0; i < slots.length; i += SLOTS_AT_ONCE) {
      const some = slots.slice(i, i + SLOTS_AT_ONCE);
      // In this order a client is never sent to a node that would send it back.
      await setSlots(target, some, 'IMPORTING', sourceId);
      await setSlots(source, some, 'MIGRATING', targetId);
      for (const slot of some) await moveKeys(source, slot, host, port);
      for (const link of [target, source, ...others]) await setSlots(link, some, 'NODE', targetId);
    }
  } finally {
    for (const link of links) link.disconnect();
  }
}

async function setSlots(link: Redis, slots: readonly number[], state: string, id: string): Promise<void> {
  const replies = await link.pipeline(slots.map((slot) => ['cluster', 'SETSLOT', String(slot), state, id])).exec();
  const error = replies?.find(([failure]) => failure !== null)?.[0];
  if (error) throw new Error(`CLUSTER SETSLOT … ${state}: ${error.message}`);
}

async function moveKeys(source: Redis, slot: number, host: string, port: number): Promise<void> {
  for (;;) {
    const keys = readStrings(await source.call('CLUSTER', 'GETKEYSINSLOT', slot, KEYS_AT_ONCE));
    if (keys.length === 0) return;
    await source.call('MIGRATE', host, port, '', 0, 5_000, 'REPLACE', 'KEYS', ...keys);
  }
}

function at<T>(list: readonly T[], i: number): T {
  const item = list[i];
  if (item === undefined) throw new RangeError(`no node ${i}: there are ${list.length}`);
  return item;
}
