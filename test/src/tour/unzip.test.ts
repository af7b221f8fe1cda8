import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { readZipEntry } from '../../../src/tour/unzip.ts';

interface Entry {
  readonly name: string;
  readonly content: string;
  readonly method: number;
}

/** A zip archive as the format says, with an extra field in the local header that the directory does not have. */
function zip(entries: readonly Entry[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method } of entries) {
    const raw = Buffer.from(content);
    const packed = method === 8 ? deflateRawSync(raw) : raw;
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32LE(packed.length, 4);
    sizes.writeUInt32LE(raw.length, 8);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    sizes.copy(local, 14);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(4, 28);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(method, 10);
    sizes.copy(central, 16);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    const body = Buffer.concat([local, Buffer.from(name), Buffer.from('xtra'), packed]);
    offset += body.length;
    bodies.push(body);
    directory.push(central, Buffer.from(name));
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, ...directory, end]);
}

const archive = zip([
  { name: 'a/readme', content: 'not this', method: 0 },
  { name: 'a/server', content: 'program '.repeat(1_000), method: 8 },
  { name: 'a/stored', content: 'as it is', method: 0 },
  { name: 'a/odd', content: '?', method: 12 },
]);

test('deflated and stored entries are read', () => {
  assert.equal(readZipEntry(archive, (name) => name.endsWith('/server')).toString(), 'program '.repeat(1_000));
  assert.equal(readZipEntry(archive, (name) => name === 'a/stored').toString(), 'as it is');
});

test('what cannot be read is refused with the reason', () => {
  assert.throws(() => readZipEntry(archive, () => false), /no such file/);
  assert.throws(() => readZipEntry(archive, (name) => name === 'a/odd'), /method 12/);
  assert.throws(() => readZipEntry(Buffer.from('no zip at all, only words'), () => true), /not a zip archive/);
});
