import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { until } from '../../src/tour/cluster.ts';
import { type Misbehaviour, startGarbage } from './support/garbage.ts';

interface Talk {
  readonly socket: Socket;
  readonly received: () => string;
}

/** Sends a PING to a server that misbehaves as told. */
async function talk(t: TestContext, misbehaviour: Misbehaviour): Promise<Talk> {
  const server = await startGarbage(misbehaviour);
  t.after(() => server.stop());
  const socket = connect(server.port, server.host);
  t.after(() => socket.destroy());
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  await once(socket, 'connect');
  socket.write('PING\r\n');
  await until('the connection to be taken', async () => server.connections() === 1);
  return { socket, received: () => text };
}

test('rubbish comes back at once', async (t) => {
  const { received } = await talk(t, { kind: 'rubbish' });
  await until('an answer', async () => received().includes('502 Bad Gateway'));
});

test('half a reply comes, and no more', async (t) => {
  const { socket, received } = await talk(t, { kind: 'half', reply: '$10\r\nhalf' });
  await until('the half', async () => received() !== '');
  socket.write('PING\r\n');
  await until('the half again', async () => received().length > '$10\r\nhalf'.length);
  assert.equal(received(), '$10\r\nhalf$10\r\nhalf');
});

test('a drip comes byte by byte', async (t) => {
  const { received } = await talk(t, { kind: 'drip', reply: '+PONG\r\n', everyMs: 5 });
  const lengths = new Set<number>();
  await until('the whole reply', async () => {
    lengths.add(received().length);
    return received() === '+PONG\r\n';
  });
  assert.ok(lengths.size > 1, 'it did not come at once');
});

test('silence says nothing but keeps the connection', async (t) => {
  const { socket, received } = await talk(t, { kind: 'silence' });
  socket.write('PING\r\n');
  assert.equal(received(), '');
  assert.equal(socket.destroyed, false);
});

test('a hang-up closes the connection', async (t) => {
  const { socket, received } = await talk(t, { kind: 'hangup' });
  if (!socket.closed) await once(socket, 'close');
  assert.equal(received(), '');
});

test('a script answers as it is told', async (t) => {
  const { received } = await talk(t, {
    kind: 'script',
    answer: (request) => (request.includes('PING') ? '-LOADING it is\r\n' : undefined),
  });
  await until('the answer', async () => received() === '-LOADING it is\r\n');
});
