import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { PeaError } from "@pea/core";

/** Bytes read at once: a header and what is likely to be asked for after it. */
const WINDOW = 4096;

/** Reads small pieces here and there in a large file, with few calls: what follows a piece is read along with it. */
export class FileWindow {
  readonly size: number;
  readonly #descriptor: number;
  readonly #buffer = Buffer.allocUnsafe(WINDOW);
  #begin = 0;
  #end = 0;

  /** @throws PeaError (usage) when the file cannot be opened */
  constructor(readonly path: string) {
    try {
      this.#descriptor = openSync(path, "r");
      this.size = fstatSync(this.#descriptor).size;
    } catch (error) {
      throw new PeaError(`cannot read ${path}: ${(error as Error).message}`, { kind: "usage" });
    }
  }

  /**
   * The bytes from `begin` on, valid until the next call; the file must hold them.
   *
   * @param length in one piece of memory, so that whoever takes it from the file bounds it first
   */
  read(begin: number, length: number): Buffer {
    const ends = () => new PeaError(`${this.path} ends before byte ${begin + length}`);
    if (length > WINDOW) {
      const bytes = Buffer.allocUnsafe(length);
      if (this.#fill(bytes, begin) < length) throw ends();
      return bytes;
    }
    if (begin < this.#begin || begin + length > this.#end) {
      this.#begin = begin;
      this.#end = begin + this.#fill(this.#buffer, begin);
    }
    if (begin + length > this.#end) throw ends();
    return this.#buffer.subarray(begin - this.#begin, begin - this.#begin + length);
  }

  /** Bytes read from `begin` on: as many as there is room for, fewer at the end of the file. */
  #fill(bytes: Buffer, begin: number): number {
    for (let filled = 0; ; ) {
      const count = readSync(this.#descriptor, bytes, filled, bytes.length - filled, begin + filled);
      filled += count;
      if (count === 0 || filled === bytes.length) return filled;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
