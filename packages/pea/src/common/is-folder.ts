import { existsSync, statSync } from "node:fs";

/** Whether a folder is there, by itself or by a link. */
export const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();
