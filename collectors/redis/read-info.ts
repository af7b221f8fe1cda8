/** Asks a node what it says of itself. */
import { type NodeInfo, parseInfo } from './info.ts';
import type { RedisNode } from './node.ts';

/** @throws Failure when it does not answer, or not as a server does */
export async function readInfo(node: RedisNode, signal: AbortSignal): Promise<NodeInfo> {
  return parseInfo(String(await node.ask(['INFO', 'all'], signal)));
}
