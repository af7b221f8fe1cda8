/** CLUSTER SLOTS of real servers, and the answers of sentinels. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  countSlots,
  parseClusterSlots,
  parseSentinelMaster,
  standaloneMaster,
} from '../../../collectors/redis/topology.ts';
import { failureFrom, replies, SERVERS } from './support.ts';

const ASKED = { host: '10.0.0.1', port: 7000 };

test('the masters of real clusters own all slots', () => {
  const replicas = { 'redis-7.0.15': 0, 'redis-8.6.3': 1, 'valkey-9.1.2': 3 };
  for (const name of SERVERS) {
    const masters = parseClusterSlots(replies(name)['clusterSlots'], ASKED);
    assert.deepEqual(
      masters.map(({ ranges }) => countSlots(ranges)),
      [5461, 5462, 5461],
      name,
    );
    assert.equal(masters.flatMap((master) => master.replicas).length, replicas[name], name);
    for (const { peer, address, nodeId } of masters) {
      assert.equal(peer, `127.0.0.1:${address.port}`);
      assert.match(nodeId, /^[0-9a-f]{40}$/);
    }
  }
});

test('ranges of one master are put together; a host that is not known is the one that was asked', () => {
  const reply = [
    [0, 10, [null, 7000, 'id-a'], ['?', 7001, 'id-r']],
    [20, 30, ['', 7000, 'id-a', ['hostname', 'x']], ['', 7001, 'id-r'], ['h', 7002, 'id-s']],
    [11, 19, ['?', 7003, 'id-b']],
    [40, 41, ['::1', 7000, 'id-c']],
  ];
  assert.deepEqual(parseClusterSlots(reply, ASKED), [
    {
      peer: '10.0.0.1:7000',
      address: { host: '10.0.0.1', port: 7000 },
      nodeId: 'id-a',
      ranges: [
        [0, 10],
        [20, 30],
      ],
      replicas: ['10.0.0.1:7001', 'h:7002'],
    },
    {
      peer: '10.0.0.1:7003',
      address: { host: '10.0.0.1', port: 7003 },
      nodeId: 'id-b',
      ranges: [[11, 19]],
      replicas: [],
    },
    { peer: '[::1]:7000', address: { host: '::1', port: 7000 }, nodeId: 'id-c', ranges: [[40, 41]], replicas: [] },
  ]);
  assert.deepEqual(parseClusterSlots([], ASKED), []);
});

test('what is no slot map is garbage', () => {
  const node = ['h', 7000, 'id'];
  const cases: unknown[] = [
    null,
    'x',
    [[0, 1]],
    [[0, 1, null]],
    [[0, 16_384, node]],
    [[-1, 5, node]],
    [[5, 1, node]],
    [[null, 1, node]],
    [[0, 1.5, node]],
    [['0', '1', node]],
    [[0, 1, ['h', 0, 'id']]],
    [[0, 1, ['h', 70_000, 'id']]],
    [[0, 1, ['h', '7000', 'id']]],
    [[0, 1, node, 'x']],
    [
      [0, 10, node],
      [10, 20, ['h', 7001, 'id2']],
    ],
  ];
  for (const reply of cases) {
    assert.equal(failureFrom(() => parseClusterSlots(reply, ASKED)).code, 'garbage', JSON.stringify(reply));
  }
});

test('what a sentinel says', () => {
  assert.deepEqual(parseSentinelMaster(['10.0.0.5', '6379'], 'm'), { host: '10.0.0.5', port: 6379 });
  const unknown = failureFrom(() => parseSentinelMaster(null, 'my-master'));
  assert.match(unknown.message, /"my-master"/);
  assert.match(unknown.remedy ?? '', /sentinel\.name/);
  for (const reply of [[], ['h'], ['', '1'], ['h', 'x'], ['h', '0'], ['h', '99999'], ['h', '-1'], 'h:1', 5]) {
    assert.equal(failureFrom(() => parseSentinelMaster(reply, 'm')).code, 'garbage', JSON.stringify(reply));
  }
});

test('a server outside a cluster owns everything when it is alone', () => {
  assert.equal(countSlots(standaloneMaster(ASKED, true).ranges), 16_384);
  assert.equal(countSlots(standaloneMaster(ASKED, false).ranges), 0);
  assert.equal(standaloneMaster(ASKED, true).peer, '10.0.0.1:7000');
});
