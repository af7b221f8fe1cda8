import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Clock, systemClock } from '../../src/clock.ts';
import { until } from '../../src/tour/cluster.ts';
import { freePort } from '../../src/tour/ports.ts';
import { startServer } from '../../src/tour/server.ts';
import { pollsOf, recordingClock, watchTargets } from './support/agent.ts';
import { serverOrSkip, valkey91 } from './support/binaries.ts';
import { startGarbage } from './support/garbage.ts';

const MB = 1024 * 1024;

test('pauses grow up to the limit while a target fails, and shrink once it answers', async (t) => {
  const binary = await serverOrSkip(t, valkey91);
  if (binary === undefined) return;
  const port = await freePort();
  const clock = { ...recordingClock(), random: () => 0 };
  const [intervalMs, maxBackoffMs, deadlineMs] = [100, 900, 1500];
  // Beside the loop's pauses the clock sees the guard of each poll, which is longer.
  const pauses = () => clock.sleeps.filter((ms) => ms <= maxBackoffMs);
  const watched = watchTargets(t, [`redis://127.0.0.1:${port}`], { clock, intervalMs, maxBackoffMs, deadlineMs });
  await watched.until('six failed polls', ({ totals }) => totals.polls.failed >= 6);
  assert.deepEqual(pauses().slice(0, 6), [100, 200, 400, 800, 900, 900]);

  const server = await startServer(binary, { port });
  t.after(() => server.stop());
  await watched.until('it to answer', ({ outcome }) => outcome === 'ok');
  assert.deepEqual(watched.recoveries, ['it']);
  const from = pauses().length;
  await watched.morePolls(3);
  for (const ms of pauses().slice(from)) assert.ok(ms <= intervalMs, `a pause of ${ms} ms after it answered`);

  await server.kill(0);
  await watched.until('it to fail again', ({ outcome }) => outcome === 'failed');
  await watched.morePolls(1);
  assert.equal(watched.failures.length, 2, 'a new failure is said anew');
  assert.ok(pauses().at(-1) === 100 || pauses().at(-1) === 200, 'and the pauses begin at the shortest');
});

test('hundreds of polls against dead targets leave no socket, no listener and no memory behind', async (t) => {
  const hangup = await startGarbage({ kind: 'hangup' });
  t.after(() => hangup.stop());
  const rubbish = await startGarbage({ kind: 'rubbish' });
  t.after(() => rubbish.stop());
  const silence = await startGarbage({ kind: 'silence' });
  t.after(() => silence.stop());
  const urls = {
    closed: `redis://127.0.0.1:${await freePort()}`,
    hangup: hangup.url,
    rubbish: rubbish.url,
    silence: silence.url,
  };
  const lines = Object.entries(urls).map(([name, url]) => `  - { name: ${name}, system: redis, urls: ['${url}'] }`);
  // A garbage server lives in this very process, so its end of a connection counts too: what matters is the growth.
  const watched = watchTargets(t, lines.join('\n'), { clock: hastyClock(), deadlineMs: 100, maxBackoffMs: 100 });
  const reached = (polls: number) =>
    watched.until(
      `${polls} polls`,
      (_, all) => all.every(({ target, totals }) => pollsOf(totals) >= (target === 'silence' ? polls / 10 : polls)),
      { target: 'closed', withinMs: 60_000 },
    );
  await reached(100);
  const before = takeStock();
  await reached(300);
  const after = takeStock();
  assert.ok(after.sockets <= before.sockets + 4, `${before.sockets} → ${after.sockets} sockets`);
  assert.ok(after.timers <= before.timers + 8, `${before.timers} → ${after.timers} timers`);
  assert.ok(after.heap <= before.heap + 4 * MB, `${before.heap} → ${after.heap} bytes of heap`);
  assert.ok(after.rss <= before.rss + 40 * MB, `${before.rss} → ${after.rss} bytes resident`);

  // One connection a poll at most, and never a second poll beside the first.
  for (const [name, server] of Object.entries({ hangup, rubbish, silence })) {
    const polls = pollsOf(watched.status(name).totals);
    assert.ok(server.connections() <= polls + 1, `${name}: ${server.connections()} connections in ${polls} polls`);
  }
  await watched.stop();
  await until('stopping to close what was open', async () => takeStock().sockets === 0);
});

/** Pauses of the loop take no time; the guards of polls take theirs. */
function hastyClock(): Clock {
  return { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms <= 500 ? Math.min(ms, 1) : ms, signal) };
}

function takeStock(): { sockets: number; timers: number; heap: number; rss: number } {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') for (let i = 0; i < 3; i++) collect();
  const resources = process.getActiveResourcesInfo();
  const { heapUsed, rss } = process.memoryUsage();
  return {
    sockets: resources.filter((name) => name === 'TCPSocketWrap').length,
    timers: resources.filter((name) => name === 'Timeout').length,
    heap: heapUsed,
    rss,
  };
}
