/** TCP servers that misbehave, for collectors to survive: rubbish, silence, half a reply, a slow drip, an early hang-up. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

export type Misbehaviour =
  | { readonly kind: 'rubbish'; readonly bytes?: Buffer } // answers everything with bytes that are no reply
  | { readonly kind: 'silence' } // takes the connection and what is sent, answers nothing
  | { readonly kind: 'half'; readonly reply?: string } // the beginning of a reply, then nothing
  | { readonly kind: 'drip'; readonly reply?: string; readonly everyMs?: number } // a reply byte by byte
  | { readonly kind: 'hangup' } // closes as soon as something is sent
  | { readonly kind: 'script'; readonly answer: (request: Buffer) => Buffer | string | undefined }; // as the test says

export interface GarbageServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Connections taken so far. */
  readonly connections: () => number;
  stop(): Promise<void>;
}

const RUBBISH = Buffer.from('<html>502 Bad Gateway</html>\r\n\u0000\u00ff$-7\r\n*x\r\n', 'latin1');

/** Listens on a free port of 127.0.0.1. */
export async function startGarbage(misbehaviour: Misbehaviour): Promise<GarbageServer> {
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (request) => answer(socket, misbehaviour, request, timers));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP address');
  const { port } = address;
  return {
    host: '127.0.0.1',
    port,
    url: `redis://127.0.0.1:${port}`,
    connections: () => connections,
    async stop() {
      if (!server.listening) return;
      for (const timer of timers) clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(socket: Socket, misbehaviour: Misbehaviour, request: Buffer, timers: Set<NodeJS.Timeout>): void {
  switch (misbehaviour.kind) {
    case 'rubbish':
      socket.write(misbehaviour.bytes ?? RUBBISH);
      return;
    case 'silence':
      return;
    case 'half':
      socket.write(misbehaviour.reply ?? '$4096\r\n# Server\r\nredis_version:7.0');
      return;
    case 'hangup':
      socket.destroy();
      return;
    case 'script': {
      const reply = misbehaviour.answer(request);
      if (reply !== undefined) socket.write(reply);
      return;
    }
    case 'drip': {
      const bytes = Buffer.from(misbehaviour.reply ?? '$4096\r\n'.padEnd(4_105, 'x'));
      let sent = 0;
      const timer = setInterval(() => {
        if (sent >= bytes.length || socket.destroyed) {
          clearInterval(timer);
          timers.delete(timer);
          return;
        }
        socket.write(bytes.subarray(sent, ++sent));
      }, misbehaviour.everyMs ?? 50);
      timers.add(timer);
      return;
    }
    default:
      misbehaviour satisfies never;
  }
}
