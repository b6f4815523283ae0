/** How LiteRT is spoken to, with a package in its place that gives back what it is given. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import type { QuantizedGraph } from "@pea/graph";
import { ones } from "@pea/torch";
import { openInterpreter } from "../../../src/export/tflite/interpreter-session.ts";
import { findLiteRt, openLiteRt, requireLiteRt } from "../../../src/export/tflite/litert.ts";
import { verifyByLiteRt } from "../../../src/export/tflite/verify-by-litert.ts";
import { openTflite } from "../../../src/export/tflite/verify-tflite.ts";
import { writeTflite } from "../../../src/export/tflite/write-tflite.ts";
import { singleOperators } from "../../support/quantized-cases.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";

const folder = temporaryFolder();
const starts = join(folder, "starts");

/** A Python with a LiteRT that runs every file as int8 of scale 0.5 and zero point −3, [1, 2, 1, 3]. */
function pythonWithLiteRt(): string {
  mkdirSync(join(folder, "ai_edge_litert"));
  mkdirSync(join(folder, "ai_edge_litert-9.8.7.dist-info"));
  const metadata = "Metadata-Version: 2.1\nName: ai-edge-litert\nVersion: 9.8.7\n";
  writeFileSync(join(folder, "ai_edge_litert-9.8.7.dist-info", "METADATA"), metadata);
  writeFileSync(join(folder, "ai_edge_litert", "__init__.py"), "");
  writeFileSync(
    join(folder, "ai_edge_litert", "interpreter.py"),
    `import numpy as np
class OpResolverType:
    BUILTIN_REF = 1
class Interpreter:
    def __init__(self, path, **_):
        print("INFO: a line that is no answer")
        open("${starts}", "a").write(f"{path}\\n")
    def allocate_tensors(self): pass
    def get_input_details(self):
        return [{"index": 0, "shape": np.array([1, 2, 1, 3]), "dtype": np.int8, "quantization": (0.5, -3)}]
    get_output_details = get_input_details
    def set_tensor(self, _, value): self.value = value
    def invoke(self):
        if self.value.max() == 127: raise RuntimeError("127 is too many")
    def get_tensor(self, _): return self.value
`,
  );
  const python = join(folder, "python");
  writeFileSync(python, `#!/usr/bin/env bash\nPYTHONPATH="${folder}" exec /usr/bin/python3 -B "$@"\n`);
  chmodSync(python, 0o755);
  return python;
}

const python = pythonWithLiteRt();

test("one process runs all images of a file, channels first outside of it and last within", async () => {
  await requireLiteRt(python);
  const session = await openLiteRt(python, "some.tflite");
  assert.equal(session.version, "9.8.7");
  // [N, C, H, W] = [2, 3, 2, 1]; halves of a step go away from 0, and −62.5 is the least that int8 can hold.
  const images = Float32Array.of(0.2, 0.25, -0.25, 1, 2, 3, -100, 4.6, 5, 6, 7, 8);
  const { values, shape } = await session.run(images, [2, 3, 2, 1]);
  assert.deepEqual(shape, [2, 3, 2, 1]);
  assert.deepEqual([...values], [0, 0.5, -0.5, 1, 2, 3, -62.5, 4.5, 5, 6, 7, 8]);
  assert.deepEqual(
    [...(await session.run(images.subarray(0, 6), [1, 3, 2, 1])).values],
    [...values.subarray(0, 6)],
  );
  await session.release();
  assert.equal(readFileSync(starts, "utf8"), "some.tflite\n");
});

test("what it says where it fails is the error", async () => {
  const session = await openLiteRt(python, "some.tflite");
  await assert.rejects(session.run(new Float32Array(6).fill(100), [1, 3, 2, 1]), {
    message: `LiteRT in ${python} does not run the file: RuntimeError: 127 is too many`,
  });
  await session.release();
});

describe("a LiteRT that nobody names is found", () => {
  const others = { PATH: process.env.PATH, VIRTUAL_ENV: process.env.VIRTUAL_ENV };
  afterEach(() => {
    Object.assign(process.env, others);
    if (others.VIRTUAL_ENV === undefined) delete process.env.VIRTUAL_ENV;
  });

  test("in the active virtual environment, before what python3 starts", async () => {
    const environment = temporaryFolder();
    mkdirSync(join(environment, "bin"));
    symlinkSync(python, join(environment, "bin", "python3"));
    process.env.PATH = "/usr/bin:/bin";
    process.env.VIRTUAL_ENV = environment;
    assert.equal(await findLiteRt(), join(environment, "bin", "python3"));
    delete process.env.VIRTUAL_ENV;
    process.env.PATH = `${join(environment, "bin")}:/usr/bin:/bin`;
    assert.equal(await findLiteRt(), "python3");
  });

  test("and where it does not run the file, that is told, and the interpreter stands in its place", async () => {
    const environment = temporaryFolder();
    mkdirSync(join(environment, "bin"));
    mkdirSync(join(environment, "ai_edge_litert"));
    writeFileSync(join(environment, "ai_edge_litert", "__init__.py"), "");
    writeFileSync(
      join(environment, "ai_edge_litert", "interpreter.py"),
      "raise RuntimeError('it is of another age')",
    );
    writeFileSync(
      join(environment, "bin", "python3"),
      `#!/usr/bin/env bash\nPYTHONPATH="${environment}" exec /usr/bin/python3 -B "$@"\n`,
      { mode: 0o755 },
    );
    process.env.VIRTUAL_ENV = environment;
    const graph = (singleOperators.Gemm as () => QuantizedGraph)();
    const file = join(environment, "model.tflite");
    writeFileSync(file, writeTflite(graph));
    const [{ shape = [] } = {}] = graph.inputs;
    const inputs = ones([1, ...(shape.slice(1) as number[])]);
    const { whyNoLitert } = await verifyByLiteRt(file, { graph, inputs });
    assert.match(whyNoLitert ?? "", /does not run the file: RuntimeError: it is of another age/);
    const session = await openTflite(environment, {});
    const image = inputs.toTypedArray() as Float32Array;
    const { values } = await openInterpreter(graph).run(image, inputs.shape);
    assert.deepEqual((await session.run(image, inputs.shape)).values, values);
    await assert.rejects(openTflite(environment, { litert: "python3-of-another-age" }), { kind: "usage" });
  });

  test("once: no Python is started for what is known", async () => {
    const environment = temporaryFolder();
    const starts = join(environment, "starts");
    mkdirSync(join(environment, "bin"));
    writeFileSync(join(environment, "bin", "python3"), `#!/bin/sh\necho started >> ${starts}\n`, {
      mode: 0o755,
    });
    process.env.VIRTUAL_ENV = environment;
    for (let time = 0; time < 3; time++)
      assert.equal(await findLiteRt(), join(environment, "bin", "python3"));
    assert.equal(readFileSync(starts, "utf8"), "started\n");
  });

  test("but not where neither has it, or there is none", async () => {
    process.env.VIRTUAL_ENV = temporaryFolder();
    process.env.PATH = "/usr/bin:/bin";
    assert.equal(await findLiteRt(), undefined);
  });
});

test("a Python without it is told with the way out, and so is a command that is none", async () => {
  const way = /name a Python that has it with --litert PATH \(pip install ai-edge-litert\)/;
  await assert.rejects(requireLiteRt("/usr/bin/python3"), { kind: "usage", message: way });
  await assert.rejects(openLiteRt("/usr/bin/python3", "some.tflite"), { kind: "usage", message: way });
  await assert.rejects(openLiteRt("no-such-python", "some.tflite"), { kind: "usage", message: /ENOENT/ });
});
