/**
 * The fields of a TIFF's first directory, in which TIFF images describe themselves and JPEG photos carry their EXIF data.
 *
 * @module
 */

/** Types of whole numbers, of 16 and of 32 bits; others are passed over. */
const [SHORT, LONG] = [3, 4];

/**
 * Value by tag, of a list the first one; as far as the directory can be read.
 *
 * @returns null for what does not begin as a TIFF or BigTIFF
 */
export function readTiffFields(bytes: Uint8Array): Map<number, number> | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const order = view.getUint16(0);
  const isLittle = order === 0x4949;
  const version = view.getUint16(2, isLittle);
  if ((!isLittle && order !== 0x4d4d) || (version !== 42 && version !== 43)) return null;
  const fields = new Map<number, number>();
  try {
    for (const { tag, type, value } of version === 42
      ? plainFields(view, isLittle)
      : bigFields(view, isLittle))
      if (type === SHORT) fields.set(tag, view.getUint16(value, isLittle));
      else if (type === LONG) fields.set(tag, view.getUint32(value, isLittle));
  } catch (error) {
    // An offset beyond the file's end: what lies there is for a decoder to miss.
    if (!(error instanceof RangeError)) throw error;
  }
  return fields;
}

interface Field {
  readonly tag: number;
  readonly type: number;
  /** Where its value, or the first of its values, lies. */
  readonly value: number;
}

/** With offsets and counts of 32 bits. */
function* plainFields(view: DataView, isLittle: boolean): Generator<Field> {
  const directory = view.getUint32(4, isLittle);
  const count = view.getUint16(directory, isLittle);
  for (let i = 0, at = directory + 2; i < count; i++, at += 12) {
    const [tag, type] = [view.getUint16(at, isLittle), view.getUint16(at + 2, isLittle)];
    const length = view.getUint32(at + 4, isLittle) * sizeOf(type);
    yield { tag, type, value: length <= 4 ? at + 8 : view.getUint32(at + 8, isLittle) };
  }
}

/** BigTIFF: with offsets and counts of 64 bits. */
function* bigFields(view: DataView, isLittle: boolean): Generator<Field> {
  const directory = Number(view.getBigUint64(8, isLittle));
  const count = Number(view.getBigUint64(directory, isLittle));
  for (let i = 0, at = directory + 8; i < count; i++, at += 20) {
    const [tag, type] = [view.getUint16(at, isLittle), view.getUint16(at + 2, isLittle)];
    const length = Number(view.getBigUint64(at + 4, isLittle)) * sizeOf(type);
    yield { tag, type, value: length <= 8 ? at + 12 : Number(view.getBigUint64(at + 12, isLittle)) };
  }
}

const sizeOf = (type: number): number => (type === SHORT ? 2 : 4);
