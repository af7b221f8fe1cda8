/**
 * The least an ACL user needs for everything the agent does, rule by rule with what it is for: the README cites it, and
 * a test on real servers holds that nothing is missing and nothing is too much. AUTH and HELLO need no rule.
 */
import { isAtLeast, type NodeInfo } from './info.ts';

type Version = readonly [major: number, minor: number];

export interface AclRule {
  readonly rules: readonly string[];
  readonly for: string;
  /**
   * The first versions that know the rule, none for a server that does not have it: a server refuses a user with a rule
   * it does not know. Missing altogether where Redis 7.0 and every Valkey know it.
   */
  readonly since?: { readonly redis?: Version; readonly valkey?: Version };
  /** Needed only with `probe.monitor: true`. */
  readonly monitorOnly?: true;
}

export const LEAST_PRIVILEGE: readonly AclRule[] = [
  // A sweep asks about any key, but neither reads its value nor writes it.
  { rules: ['resetkeys', '%R~*', 'resetchannels', '-@all'], for: 'no write, no channel, nothing but what follows' },
  { rules: ['+info'], for: 'load, CPU, memory and topology of each node' },
  { rules: ['+latency|histogram'], for: 'p99 of each node' },
  { rules: ['+cluster|slots'], for: 'which master owns which slots (cluster only)' },
  {
    rules: ['+cluster|slot-stats'],
    for: 'load of each slot (cluster only)',
    since: { redis: [8, 2], valkey: [8, 0] },
  },
  { rules: ['+cluster|getkeysinslot'], for: 'the keys of a hot slot (cluster only)' },
  { rules: ['+scan', '+object|freq', '+object|idletime'], for: 'naming keys by LFU counters or idle times' },
  { rules: ['+config|get'], for: 'lfu-log-factor and lfu-decay-time, which may also be given in the configuration' },
  {
    rules: ['+hotkeys|get', '+hotkeys|start', '+hotkeys|stop', '+hotkeys|reset'],
    for: 'a HOTKEYS session, which names keys by CPU and bytes',
    since: { redis: [8, 6] },
  },
  {
    rules: ['+hotkeys|get'],
    for: 'HOTKEYS of Valkey, which names keys by calls',
    since: { valkey: [9, 2] },
  },
  { rules: ['+monitor'], for: 'a MONITOR burst', monitorOnly: true },
];

/** The same on the sentinels, where the servers are found by them. */
export const SENTINEL_LEAST_PRIVILEGE = ['resetchannels', '-@all', '+sentinel|get-master-addr-by-name'] as const;

/** The rules for one version of a server, as ACL SETUSER takes them. */
export function aclRules({ server, version }: Pick<NodeInfo, 'server' | 'version'>, monitor = false): string[] {
  return LEAST_PRIVILEGE.filter(({ since, monitorOnly }) => {
    if (monitorOnly === true && !monitor) return false;
    if (since === undefined) return true;
    const first = since[server];
    return first !== undefined && isAtLeast(version, ...first);
  }).flatMap(({ rules }) => rules);
}
