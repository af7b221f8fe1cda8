import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { withDeadline } from '../../../collectors/shared/deadline.ts';

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }));
}

test('it fires, nested too, when the garbage collector has run in between', async () => {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert.ok(typeof collect === 'function');
  const { signal } = new AbortController();
  const inner = withDeadline(signal, 60_000, (outer) => withDeadline(outer, 50, aborted));
  setTimeout(() => collect(), 10);
  const reason = await inner;
  assert.ok(reason instanceof DOMException && reason.name === 'TimeoutError');
});

test('the signal around it ends the work with its own reason, also when it has aborted before', async () => {
  const ending = new AbortController();
  const work = withDeadline(ending.signal, 60_000, aborted);
  ending.abort('stopped');
  assert.equal(await work, 'stopped');
  const late = await withDeadline(ending.signal, 60_000, async (signal) => [signal.aborted, signal.reason]);
  assert.deepEqual(late, [true, 'stopped']);
});

test('what the work returns or throws comes through, and the signal is not aborted afterwards', async () => {
  const ending = new AbortController();
  let kept: AbortSignal | undefined;
  const result = await withDeadline(ending.signal, 20, async (signal) => {
    kept = signal;
    return 7;
  });
  assert.equal(result, 7);
  await assert.rejects(
    withDeadline(ending.signal, 20, () => Promise.reject(new Error('no'))),
    /^Error: no$/,
  );
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(kept?.aborted, false);
});
