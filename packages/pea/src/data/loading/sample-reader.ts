import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { maskCrc } from "../../common/tfrecord-framing.ts";
import { BadSampleError } from "../../images/bad-sample.ts";
import { native } from "../../images/native.ts";
import type { ByteRange, SampleLocation } from "../sources/sample-source.ts";

/** Files kept open: reading at random returns to each of a data set's shards again and again. */
const OPEN_FILES = 64;

/** Reads encoded images. Reading blocks the thread, which is one that has nothing else to do. */
export class SampleReader {
  readonly #open = new Map<string, number>();

  /** @throws BadSampleError when the file cannot be read, has become shorter, or the record's checksum is wrong */
  read({ path, image, record }: SampleLocation): Uint8Array {
    // Without the addon every sample would look damaged.
    const { crc32c } = native();
    try {
      if (image === undefined) return readFileSync(path);
      const { begin, end } = record ?? image;
      const bytes = this.#readRange(path, { begin, end: record === undefined ? end : end + 4 });
      if (record === undefined) return bytes;
      const data = bytes.subarray(0, -4);
      const stored = new DataView(bytes.buffer, bytes.byteOffset + data.length, 4).getUint32(0, true);
      if (stored !== maskCrc(crc32c(data)))
        throw new BadSampleError("the checksum of its data is wrong: the file is damaged");
      return data.subarray(image.begin - begin, image.end - begin);
    } catch (error) {
      if (error instanceof BadSampleError) throw error;
      throw new BadSampleError((error as Error).message);
    }
  }

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }

  #readRange(path: string, { begin, end }: ByteRange): Uint8Array {
    const bytes = Buffer.allocUnsafe(end - begin);
    const descriptor = this.#descriptor(path);
    for (let filled = 0; filled < bytes.length; ) {
      const count = readSync(descriptor, bytes, filled, bytes.length - filled, begin + filled);
      if (count === 0) throw new BadSampleError("the file has become shorter since it was opened");
      filled += count;
    }
    return bytes;
  }

  /** The one used last stands last in the map; the first gives way. */
  #descriptor(path: string): number {
    const descriptor = this.#open.get(path) ?? openSync(path, "r");
    this.#open.delete(path);
    this.#open.set(path, descriptor);
    if (this.#open.size > OPEN_FILES) {
      const [oldest, unused] = this.#open.entries().next().value as [string, number];
      closeSync(unused);
      this.#open.delete(oldest);
    }
    return descriptor;
  }
}
