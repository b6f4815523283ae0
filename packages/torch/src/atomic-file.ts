import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { TorchError } from "./error.ts";

/** Node's writeSync takes at most 2 GiB − 1 bytes at a time. */
const largestWrite = 2 ** 30;

/**
 * Replaces a file in one step: the chunks go to `<path>.tmp`, are flushed to the disk and renamed to `path`. Whatever
 * happens meanwhile, a full disk, a crash or a killed process, `path` holds the old contents or the new ones, whole.
 * One writer per path at a time; what a killed writer left in `<path>.tmp` is overwritten by the next.
 *
 * @param chunks written one after the other; a generator keeps only one in memory
 * @throws TorchError naming the file; the old file is then untouched
 */
export function writeFileAtomically(path: string, chunks: Iterable<Uint8Array>): void {
  const temporary = `${path}.tmp`;
  try {
    try {
      writeAndFlush(temporary, chunks);
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    flush(dirname(path));
  } catch (error) {
    throw new TorchError(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function writeAndFlush(path: string, chunks: Iterable<Uint8Array>): void {
  const file = openSync(path, "w");
  try {
    for (const chunk of chunks) {
      for (let offset = 0; offset < chunk.length; ) {
        offset += writeSync(file, chunk, offset, Math.min(chunk.length - offset, largestWrite));
      }
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A rename lasts only once its directory is on the disk. */
function flush(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
