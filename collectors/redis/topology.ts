/** Finds the masters of a target: asks a cluster for its slots, sentinels for their master, or takes the servers as given. */
import * as z from 'zod';
import type { SlotOwner } from '../../src/model.ts';
import { Failure } from '../shared/failures.ts';
import { type Address, nameOf } from './access.ts';

const slot = z.number().int().min(0).max(16_383);
const port = z.number().int().min(1).max(65_535);
const node = z.tuple([z.string().nullable(), port, z.string()]).rest(z.unknown());
const slotRange = z.tuple([slot, slot, node]).rest(node);
const slotsReply = z.array(slotRange);

export interface Master extends Omit<SlotOwner, 'clients'> {
  readonly address: Address;
}

/**
 * @param reply of CLUSTER SLOTS
 * @param asked the node that was asked: it leaves its own host out when it does not know it
 * @throws Failure `garbage`
 */
export function parseClusterSlots(reply: unknown, asked: Address): Master[] {
  const parsed = slotsReply.safeParse(reply);
  if (!parsed.success) throw new Failure('garbage', 'the reply to CLUSTER SLOTS is not a slot map');
  const masters = new Map<
    string,
    { address: Address; nodeId: string; ranges: [number, number][]; replicas: Set<string> }
  >();
  const owned = new Uint8Array(16_384);
  for (const [first, last, master, ...replicas] of parsed.data) {
    if (first > last) throw new Failure('garbage', `CLUSTER SLOTS has the range ${first}-${last}`);
    if (owned.subarray(first, last + 1).includes(1))
      throw new Failure('garbage', `CLUSTER SLOTS has a slot of ${first}-${last} twice`);
    owned.fill(1, first, last + 1);
    const [host, port, nodeId] = master;
    const address = { host: hostOf(host, asked), port };
    const name = nameOf(address);
    const known = masters.get(name) ?? { address, nodeId, ranges: [], replicas: new Set<string>() };
    known.ranges.push([first, last]);
    for (const [replicaHost, replicaPort] of replicas) {
      known.replicas.add(nameOf({ host: hostOf(replicaHost, asked), port: replicaPort }));
    }
    masters.set(name, known);
  }
  return [...masters].map(([peer, { address, nodeId, ranges, replicas }]) => ({
    peer,
    address,
    nodeId,
    ranges,
    replicas: [...replicas].sort(),
  }));
}

/** A node that does not know its own host leaves it out; one whose preferred name is not set says `?`. */
function hostOf(host: string | null, asked: Address): string {
  return host === null || host === '' || host === '?' ? asked.host : host;
}

const sentinelAddress = z.tuple([
  z.string().min(1),
  z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .pipe(port),
]);

/** @param reply of SENTINEL GET-MASTER-ADDR-BY-NAME */
export function parseSentinelMaster(reply: unknown, name: string): Address {
  if (reply === null) {
    throw new Failure('garbage', `the sentinel knows no master named "${name}"`, {
      remedy: 'set sentinel.name to a name that SENTINEL MASTERS lists',
    });
  }
  const parsed = sentinelAddress.safeParse(reply);
  if (!parsed.success) throw new Failure('garbage', 'the reply of the sentinel is not an address');
  const [host, port] = parsed.data;
  return { host, port };
}

export const ALL_SLOTS: readonly [number, number] = [0, 16_383];

/** A server outside a cluster: the only one owns everything; of several no one knows who owns what. */
export function standaloneMaster(address: Address, alone: boolean): Master {
  return { peer: nameOf(address), address, nodeId: '', ranges: alone ? [ALL_SLOTS] : [], replicas: [] };
}

export function countSlots(ranges: SlotOwner['ranges']): number {
  let count = 0;
  for (const [first, last] of ranges) count += last - first + 1;
  return count;
}
