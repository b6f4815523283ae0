/** A copy of this project's sources that a test may change. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./tiny-data.ts";

/** The root of the repository. */
export const projectRoot = fileURLToPath(new URL("../../../..", import.meta.url));

/**
 * The packages' sources, whose imports of each other lead to the copies; what is built or installed is that of the
 * project.
 *
 * @returns its root
 */
export function copyProject(): string {
  const root = temporaryFolder();
  const modules = join(root, "node_modules");
  for (const name of readdirSync(join(projectRoot, "packages"))) {
    const [from, to] = [projectRoot, root].map((each) => join(each, "packages", name));
    if (!existsSync(join(from, "package.json"))) continue;
    for (const entry of readdirSync(from)) {
      const isChanged = ["src", "native", "package.json", "tsconfig.json"].includes(entry);
      (isChanged ? copy : link)(join(from, entry), join(to, entry));
    }
    link(to, join(modules, JSON.parse(readFileSync(join(from, "package.json"), "utf8")).name));
  }
  for (const name of installed(join(projectRoot, "node_modules"))) {
    const place = join(modules, name);
    if (!existsSync(place)) link(join(projectRoot, "node_modules", name), place);
  }
  for (const name of readdirSync(projectRoot))
    if (/^tsconfig.*\.json$|^package\.json$/.test(name)) copy(join(projectRoot, name), join(root, name));
  return root;
}

/** Names of the packages in a folder, scoped ones too. */
function installed(folder: string): string[] {
  return readdirSync(folder).flatMap((name) =>
    name.startsWith("@") ? readdirSync(join(folder, name)).map((inner) => `${name}/${inner}`) : name,
  );
}

function copy(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
}

function link(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  symlinkSync(from, to);
}
