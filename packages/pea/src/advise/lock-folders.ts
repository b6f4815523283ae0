/** Keeps two pilots out of one folder. */
import { realpathSync } from "node:fs";
import { makeDirectory } from "../common/make-directory.ts";
import { lockRun, type RunLock } from "../run/run-lock.ts";

/**
 * Takes the locks of folders, which are made where they are not there.
 *
 * @throws RunInUse where another process has one of them
 */
export function lockFolders(folders: readonly string[]): Pick<RunLock, "release"> {
  const locks: RunLock[] = [];
  const release = () => {
    for (const lock of locks) lock.release();
  };
  for (const folder of folders) makeDirectory(folder);
  try {
    for (const folder of new Set(folders.map((path) => realpathSync(path)))) locks.push(lockRun(folder));
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}
