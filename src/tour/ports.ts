/** Finds free ports of 127.0.0.1 whose cluster bus port (10,000 above) is free too. */
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

// Both below 32768, where Linux begins to hand out ports to outgoing connections.
const FIRST = 11_000;
const LAST = 22_000;

/** Resolves with a port that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
    await sleep(1);
  }
  throw new Error(`no free port between ${FIRST} and ${LAST} on 127.0.0.1`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
