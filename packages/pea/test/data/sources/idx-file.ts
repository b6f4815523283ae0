/** Bytes of an IDX file, for the tests of its readers. */
export function idxBytes(
  shape: readonly number[],
  data: Uint8Array,
  magic: number = 0x0800 + shape.length,
): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(magic);
  for (const [i, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([header, data]);
}
