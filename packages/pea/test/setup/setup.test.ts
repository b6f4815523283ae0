import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Binaries, Engine, PassedOver } from "@pea/torch/binaries";
import { checkVersion, engineToServe } from "../../src/setup/engine.ts";
import { compilerTooOld, missingTools } from "../../src/setup/tools.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const engine = (name: string): Engine => ({
  name,
  library: `/${name}/libtorch_cpu.so`,
  directory: `/${name}`,
});
const binariesFor = (name: string): Binaries => ({
  ...{ engine: engine(name), engineOrigin: "", origin: "", file: () => "" },
});
const passedOver = (found: Engine | string, isChosen = false): PassedOver => ({
  place: { origin: "", isChosen, found },
  why: "",
});

describe("native files are for", () => {
  test("the engine that the user points to, also where another has some", () => {
    const search = {
      binaries: binariesFor("libtorch1.13"),
      passedOver: [passedOver(engine("torch2.9"), true)],
    };
    assert.equal(engineToServe(search)?.name, "torch2.9");
  });

  test("else the one that has some", () => {
    const search = {
      binaries: binariesFor("torch2.15"),
      passedOver: [passedOver("no torch in it", true), passedOver(engine("libtorch2.6"))],
    };
    assert.equal(engineToServe(search)?.name, "torch2.15");
  });

  test("else the first there is", () => {
    const search = {
      binaries: undefined,
      passedOver: [passedOver("none"), passedOver(engine("libtorch2.6")), passedOver(engine("torch2.9"))],
    };
    assert.equal(engineToServe(search)?.name, "libtorch2.6");
    assert.equal(engineToServe({ binaries: undefined, passedOver: [passedOver("none")] }), undefined);
  });

  test("no version that the sources do not know", () => {
    for (const name of ["libtorch1.13", "libtorch2.6", "torch2.7", "torch2.15", "torch3.0"])
      checkVersion(engine(name));
    for (const [name, version] of [
      ["libtorch1.8", "1.8"],
      ["torch1.13", "1.13"],
      ["torch2.6", "2.6"],
    ] as const)
      assert.throws(() => checkVersion(engine(name)), {
        kind: "usage",
        message: `/${name}/libtorch_cpu.so is libtorch ${version}; the sources know Debian's 1.13 and 2.6 and PyPI's from 2.7 on`,
      });
  });
});

describe("tools that are missing", () => {
  const path = process.env.PATH;
  after(() => {
    process.env.PATH = path;
  });

  test("are named with the command that brings them, where there is apt", () => {
    process.env.PATH = temporaryFolder();
    const apt = join(process.env.PATH, "apt-get");
    writeFileSync(apt, "#!/bin/sh\n");
    chmodSync(apt, 0o755);
    assert.match(
      missingTools(engine("torch2.9")) ?? "",
      /^cmake, a C\+\+ compiler, make, libjpeg's headers missing\. Install them: .*apt-get install -y cmake g\+\+ make libjpeg-dev$/,
    );
  });

  test("are named elsewhere", () => {
    process.env.PATH = temporaryFolder();
    assert.match(
      missingTools(engine("torch2.9")) ?? "",
      /missing: install them with this system's packages$/,
    );
  });

  test("are none where everything is there", () => {
    process.env.PATH = path;
    assert.equal(missingTools(engine("torch2.9")), undefined);
  });
});

describe("a compiler that is too old", () => {
  const { CXX } = process.env;
  after(() => {
    if (CXX === undefined) delete process.env.CXX;
    else process.env.CXX = CXX;
  });
  /** The compiler that is there, which calls itself GCC 10. */
  const old = join(temporaryFolder(), "g++-10");
  writeFileSync(
    old,
    '#!/bin/sh\n[ "$1" = --version ] && echo "g++-10 (Debian 10.2.1-6) 10.2.1" && exit\nexec c++ -U__GNUC__ -D__GNUC__=10 "$@"\n',
  );
  chmodSync(old, 0o755);

  test("is told with the way out where a build fails for PyPI's engines, whose headers are of C++20", () => {
    process.env.CXX = old;
    assert.match(
      compilerTooOld(engine("torch2.15")) ?? "",
      /^The compiler is g\+\+-10 \(Debian 10\.2\.1-6\) 10\.2\.1; the headers of \/torch2\.15\/libtorch_cpu\.so are of C\+\+20, .*CXX=g\+\+-12 npx pea-train setup$/,
    );
  });

  test("is not to blame for Debian's", () => {
    process.env.CXX = old;
    const debian = { ...engine("libtorch2.6"), directory: undefined };
    assert.equal(compilerTooOld(debian), undefined);
  });

  test("is none that knows C++20", () => {
    process.env.CXX = "c++";
    assert.equal(compilerTooOld(engine("torch2.15")), undefined);
  });
});
