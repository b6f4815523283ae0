/** What the native sources need beside the engine. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { aptCommand, type Engine, readSystem } from "@pea/torch/binaries";

interface Tool {
  /** For people. */
  readonly name: string;
  /** Of Debian and Ubuntu. */
  readonly package: string;
  isThere(engine: Engine): boolean;
}

const runs = (command: string): boolean => spawnSync(command, ["--version"]).status === 0;

const compiles = (program: string): boolean =>
  spawnSync("c++", ["-x", "c++", "-fsyntax-only", "-"], { input: program }).status === 0;

const tools: readonly Tool[] = [
  { name: "cmake", package: "cmake", isThere: () => runs("cmake") },
  { name: "a C++ compiler", package: "g++", isThere: () => runs("c++") },
  { name: "make", package: "make", isThere: () => runs("make") },
  {
    name: "libjpeg's headers",
    package: "libjpeg-dev",
    isThere: () => compiles("#include <cstdio>\n#include <jpeglib.h>\n"),
  },
  {
    name: "libtorch's headers",
    package: "libtorch-dev",
    // Others bring them along.
    isThere: ({ directory }) =>
      directory !== undefined || existsSync("/usr/include/torch/csrc/api/include/torch/version.h"),
  },
];

/** @returns undefined where all is there; otherwise what is missing, and the command that brings it */
export function missingTools(engine: Engine): string | undefined {
  const missing = tools.filter((tool) => !tool.isThere(engine));
  if (missing.length === 0) return undefined;
  const names = missing.map(({ name }) => name).join(", ");
  const packages = missing.map((tool) => tool.package);
  return runs("apt-get")
    ? `${names} missing. Install them: ${aptCommand(readSystem(), packages)}`
    : `${names} missing: install them with this system's packages`;
}
