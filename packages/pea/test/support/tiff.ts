/** TIFF files written field by field, for kinds of images that no encoder at hand writes. */

export interface TiffOptions {
  readonly width: number;
  readonly height: number;
  /** All samples, row by row; rows begin at whole bytes. */
  readonly data: Uint8Array;
  /** Values by tag, beyond size and place of the data; 16 bits each. */
  readonly fields: Readonly<Record<number, readonly number[]>>;
}

/** An uncompressed little-endian TIFF in one strip. */
export function tiff({ width, height, data, fields }: TiffOptions): Buffer {
  const begin = 8;
  const shorts: Record<number, readonly number[]> = { 259: [1], 277: [1], ...fields };
  const longs: Record<number, number> = {
    256: width,
    257: height,
    273: begin,
    278: height,
    279: data.length,
  };
  const tags = [...Object.keys(shorts), ...Object.keys(longs)].map(Number).sort((a, b) => a - b);
  const directory = begin + data.length + (data.length % 2);
  const head = Buffer.alloc(2 + 12 * tags.length + 4);
  const lists: Buffer[] = [];
  let listAt = directory + head.length;
  head.writeUInt16LE(tags.length);
  for (const [i, tag] of tags.entries()) {
    const at = 2 + 12 * i;
    const values = shorts[tag];
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(values ? 3 : 4, at + 2);
    head.writeUInt32LE(values?.length ?? 1, at + 4);
    if (values === undefined) head.writeUInt32LE(longs[tag] as number, at + 8);
    else if (values.length <= 2)
      for (const [j, value] of values.entries()) head.writeUInt16LE(value, at + 8 + 2 * j);
    else {
      head.writeUInt32LE(listAt, at + 8);
      lists.push(Buffer.from(Uint16Array.from(values).buffer));
      listAt += 2 * values.length;
    }
  }
  const start = Buffer.from("II*\0\0\0\0\0", "latin1");
  start.writeUInt32LE(directory, 4);
  return Buffer.concat([start, data, Buffer.alloc(data.length % 2), head, ...lists]);
}
