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
   * The bytes from `begin` on, valid until the next call.
   *
   * @param length up to 4096; the file must hold them
   */
  read(begin: number, length: number): Buffer {
    if (begin < this.#begin || begin + length > this.#end) {
      this.#begin = begin;
      this.#end = begin + readSync(this.#descriptor, this.#buffer, 0, WINDOW, begin);
    }
    if (begin + length > this.#end) throw new PeaError(`${this.path} ends before byte ${begin + length}`);
    return this.#buffer.subarray(begin - this.#begin, begin - this.#begin + length);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
