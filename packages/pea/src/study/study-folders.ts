/**
 * Where the runs of studies lie: `runs/studies/<study>/<network>-<variant>-seed<n>-<hash>`.
 *
 * @module
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openRunDirectory } from "../run/run-directory.ts";
import type { Cell } from "./grid.ts";

/** Finds the runs of a study, and those of others that have ended: what has been trained is not trained again. */
export class StudyFolders {
  private readonly own: ReadonlyMap<string, string>;
  private readonly others: ReadonlyMap<string, string>;
  /** Folder of the study's runs. */
  readonly path: string;

  /** @param root folder of all studies' runs */
  constructor(root: string, study: string) {
    this.path = join(root, study);
    this.own = runsIn(this.path);
    this.others = new Map(
      foldersIn(root)
        .filter((name) => name !== study)
        .flatMap((name) => [...runsIn(join(root, name))])
        .filter(([, path]) => hasEnded(path)),
    );
  }

  /** Folder of a run, which need not be there. */
  pathOf(cell: Cell): string {
    return this.own.get(cell.hash) ?? this.others.get(cell.hash) ?? join(this.path, nameOf(cell));
  }
}

/** Has this folder's run been scored? */
export function hasEnded(path: string): boolean {
  return isRun(path) && existsSync(openRunDirectory(path).result);
}

/** Does a run lie here, ended or not? */
export function isRun(path: string): boolean {
  return existsSync(join(path, "config.yaml"));
}

function runsIn(folder: string): Map<string, string> {
  return new Map(
    foldersIn(folder).flatMap((name): [string, string][] => {
      const hash = /-([0-9a-f]{12})$/.exec(name)?.[1];
      return hash === undefined ? [] : [[hash, join(folder, name)]];
    }),
  );
}

function foldersIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function nameOf({ network, variant, seed, hash }: Cell): string {
  const word = (text: string) => text.replaceAll("%", "pct").replace(/[^\w.]+/g, "-");
  return `${word(network)}-${word(variant)}-seed${seed}-${hash}`;
}
