/** Examples of a README as its readers use them: in a file of their own, compiled against the packages and run. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./tiny-data.ts";

const root = fileURLToPath(new URL("../../../..", import.meta.url));

/** The first block of TypeScript under a heading. `path` is relative to the root of the repository. */
export function readExample(path: string, heading: string): string {
  const text = readFileSync(join(root, path), "utf8");
  const code = new RegExp(`^#+ ${heading}\n.*?^\`\`\`ts\n(.*?)^\`\`\``, "ms").exec(text)?.[1];
  if (code === undefined) throw new Error(`${path} has no TypeScript under "${heading}"`);
  return code;
}

/**
 * Checks the types of a program and runs it in an empty folder.
 *
 * @returns what it printed
 */
export function runExample(program: string): string {
  const folder = temporaryFolder();
  try {
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    mkdirSync(join(folder, "run"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "example.ts"), program);
    const config = {
      extends: join(root, "tsconfig.test.json"),
      compilerOptions: { typeRoots: [join(root, "node_modules/@types")] },
      include: ["example.ts"],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const node = (...words: string[]) =>
      execFileSync(process.execPath, words, { cwd: join(folder, "run"), encoding: "utf8", stdio: "pipe" });
    node(join(root, "node_modules/typescript/bin/tsc"), "-p", folder);
    return node("--conditions=pea-source", "--import", "tsx", join(folder, "example.ts"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
