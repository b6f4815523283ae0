import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Project } from "./project.ts";

/** The first lines of TypeScript in the README of an installed package. */
export function readmeProgram({ folder }: Project, name: string): string {
  const path = join(folder, "node_modules", name, "README.md");
  const program = /^```ts\n(.*?)^```/ms.exec(readFileSync(path, "utf8"))?.[1];
  if (program === undefined) throw new Error(`${path} has no TypeScript`);
  return program;
}
