/**
 * Reads one file out of a zip archive. Only for archives whose checksum was verified before: it reads what wheels
 * use (stored or deflated entries, no encryption, no zip64) and refuses everything else.
 */
import { inflateRawSync } from 'node:zlib';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;

/** The content of the first entry whose name satisfies `wanted`; throws when there is none or it cannot be read. */
export function readZipEntry(archive: Buffer, wanted: (name: string) => boolean): Buffer {
  const end = findEnd(archive);
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== DIRECTORY_ENTRY) throw new Error('zip: the directory is damaged');
    const method = archive.readUInt16LE(at + 10);
    const packedBytes = archive.readUInt32LE(at + 20);
    const nameBytes = archive.readUInt16LE(at + 28);
    const header = archive.readUInt32LE(at + 42);
    const name = archive.toString('utf8', at + 46, at + 46 + nameBytes);
    if (wanted(name)) {
      // The local header repeats the name and has an extra field of its own length.
      const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
      const packed = archive.subarray(start, start + packedBytes);
      if (method === 0) return packed;
      if (method === 8) return inflateRawSync(packed);
      throw new Error(`zip: ${name} is packed by method ${method}, which is not supported`);
    }
    at += 46 + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error('zip: no such file in the archive');
}

function findEnd(archive: Buffer): number {
  for (let at = archive.length - 22; at >= 0; at--) {
    if (archive.readUInt32LE(at) === END_OF_DIRECTORY) return at;
  }
  throw new Error('zip: not a zip archive');
}
