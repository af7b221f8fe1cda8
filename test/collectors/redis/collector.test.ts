/** A collector that can no longer ask who the masters are says so, and says so no longer once it can. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { redisTargetSchema, resolveRedisTarget } from '../../../collectors/redis/config.ts';
import { RedisCollector } from '../../../collectors/redis/index.ts';
import { fixture } from './support.ts';

const SIGNAL = new AbortController().signal;
const NOPERM = "-NOPERM User mon has no permissions to run the 'cluster|slots' command\r\n";

test('a lost topology is an absence of its own while the masters known before answer', async (t) => {
  let mayAsk = true;
  const info = fixture('redis-8.6.3.info.txt').replaceAll('\r\n', '\n').replaceAll('\n', '\r\n');
  const server = net.createServer((socket) => {
    const { port } = server.address() as net.AddressInfo;
    const map = `*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:${port}\r\n$2\r\nid\r\n`;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const words = data.toString().split('\r\n');
      for (const [at, word] of words.entries()) {
        if (!word.startsWith('*')) continue; // of a command in RESP: *n, $length, command, $length, subcommand
        if (words[at + 2] === 'INFO') socket.write(`$${Buffer.byteLength(info)}\r\n${info}\r\n`);
        else if (words[at + 4] === 'SLOTS') socket.write(mayAsk ? map : NOPERM);
        else socket.write('*0\r\n');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  t.after(() => server.close());
  const target = redisTargetSchema.parse({ urls: [`redis://127.0.0.1:${port}`], mode: 'cluster' });
  const collector = new RedisCollector(
    resolveRedisTarget('t', target, () => ''),
    {
      now: () => performance.now(),
      sleep: (ms, signal) => sleep(ms, undefined, { signal }),
      nodeDeadlineMs: 5000,
    },
  );
  t.after(() => collector.stop());
  const lost = async () => {
    const { absences, samples } = await collector.poll({ signal: SIGNAL, attentive: false });
    assert.ok(samples.length > 0, 'the master itself answers');
    return absences.filter(({ scope }) => scope === 'topology');
  };

  await collector.start(SIGNAL);
  assert.deepEqual(await lost(), []);
  mayAsk = false;
  for (const _ of [1, 2]) {
    const [absence, ...more] = await lost();
    assert.deepEqual(more, []);
    assert.deepEqual([absence?.code, absence?.remedy], ['forbidden', 'ACL SETUSER mon +cluster|slots']);
    assert.match(absence?.reason ?? '', /NOPERM.*those known before are watched on/);
  }
  mayAsk = true;
  assert.deepEqual(await lost(), []);
});
