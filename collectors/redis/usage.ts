/** What a connection has taken from its server: commands by name, and bytes. */

/** What was sent and received since the connection object was made. */
export interface NodeUsage {
  readonly commands: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** By the name that commandstats uses. */
  readonly byCommand: ReadonlyMap<string, number>;
}

export const NO_USAGE: NodeUsage = { commands: 0, bytesSent: 0, bytesReceived: 0, byCommand: new Map() };

export function addUsage(a: NodeUsage, b: NodeUsage): NodeUsage {
  const byCommand = new Map(a.byCommand);
  for (const [name, count] of b.byCommand) byCommand.set(name, (byCommand.get(name) ?? 0) + count);
  return {
    commands: a.commands + b.commands,
    bytesSent: a.bytesSent + b.bytesSent,
    bytesReceived: a.bytesReceived + b.bytesReceived,
    byCommand,
  };
}
