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

/** That which CMake takes. */
export const compiler = (): string => process.env.CXX || "c++";

const compiles = (program: string, standard = "c++17"): boolean =>
  spawnSync(compiler(), [`-std=${standard}`, "-x", "c++", "-fsyntax-only", "-"], { input: program })
    .status === 0;

/** GCC 10 knows C++20 by name, but not all that the headers of PyPI's engines use. */
const cpp20 = `
#if __cplusplus < 202002L || (defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 11)
#error
#endif
`;

const tools: readonly Tool[] = [
  { name: "cmake", package: "cmake", isThere: () => runs("cmake") },
  { name: "a C++ compiler", package: "g++", isThere: () => runs(compiler()) },
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

/**
 * What to say where a build has failed with a compiler that is older than the headers of PyPI's engines.
 *
 * @returns undefined where it is not
 */
export function compilerTooOld({ directory, library }: Engine): string | undefined {
  if (directory === undefined || compiles(cpp20, "c++20")) return undefined;
  const { stdout } = spawnSync(compiler(), ["--version"], { encoding: "utf8" });
  return (
    `The compiler is ${stdout.split("\n")[0]}; the headers of ${library} are of C++20, as GCC knows it from version 11 on. ` +
    "Install a newer one and name it, for example: CXX=g++-12 npx pea-train setup"
  );
}

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
