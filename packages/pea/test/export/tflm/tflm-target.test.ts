import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { manualSeed, randn, setNumThreads } from "@pea/torch";
import { exportNetwork, type NetworkOptions } from "../../../src/export/export.ts";
import type { Builtin, ElementType } from "../../../src/export/tflite/schema.ts";
import { resolverFunctions } from "../../../src/export/tflm/resolver.ts";
import { createModel } from "../../../src/models/index.ts";
import { readTflite } from "../../support/tflite-reader.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";

setNumThreads(1);
const folder = temporaryFolder();
const path = join(folder, "tflm");
const textOf = (name: string) => readFileSync(join(path, name), "utf8");
const numbersIn = (text: string) => [...text.matchAll(/-?\d+(?=,)/g)].map(([number]) => Number(number));

async function exportSmall(out: string, ends: Pick<NetworkOptions, "inputType" | "outputType"> = {}) {
  manualSeed(1);
  const model = createModel("mobilenet-0.1-small", { inputChannels: 1, classes: 10 });
  await exportNetwork(model, out, {
    target: "tflm",
    inputs: randn([4, 1, 28, 28]),
    trainingImages: randn([20, 1, 28, 28]),
    metadata: { preprocessing: '{"mean":[0.5]}' },
    ...ends,
  });
}

before(() => exportSmall(path));

/** All numbers of the golden inputs, and of the outputs; what C++ calls them. */
function golden(folder: string) {
  const text = readFileSync(join(folder, "golden_vectors.cc"), "utf8");
  const [inputs = "", outputs = ""] = text.split("pea_golden_outputs");
  const numbers = (part: string) =>
    [...part.slice(part.indexOf("{")).matchAll(/-?\d[\d.e-]*(?=,)/g)].map(([number]) => Number(number));
  return {
    vectors: [numbers(inputs), numbers(outputs)],
    declared: [...text.matchAll(/const (\w+) pea_golden_/g)].map(([, type]) => type),
  };
}

describe("the target tflm", () => {
  test("writes the file, the same bytes in C++, and what a program needs beside them", () => {
    assert.deepEqual(readdirSync(path).sort(), [
      "README.md",
      "golden_vectors.cc",
      "golden_vectors.h",
      "model.tflite",
      "model_data.cc",
      "model_data.h",
      "model_ops.h",
    ]);
    const bytes = readFileSync(join(path, "model.tflite"));
    const source = textOf("model_data.cc");
    assert.deepEqual(Buffer.from(numbersIn(source.slice(source.indexOf("{")))), bytes);
    assert.ok(source.includes(`pea_model_size = ${bytes.length};`) && source.includes("alignas(16)"));
  });

  test("has no program for an operator without a kernel, or without one of its type", () => {
    const refused = (builtin: Builtin, type: ElementType, message: string) => {
      const operators = [{ builtin, inputs: [0], outputs: [1], options: {} }];
      const tensors = ["x", "y"].map((name) => ({ name, shape: [1], type }));
      assert.throws(() => resolverFunctions({ operators, tensors }), { name: "PeaError", message });
    };
    refused("GELU", "int8", "LiteRT for Microcontrollers has no kernel for GELU");
    refused(
      "RESIZE_BILINEAR",
      "int16",
      "LiteRT for Microcontrollers has no kernel for RESIZE_BILINEAR of int16; take activations of int8, or scale by nearest pixels",
    );
  });

  for (const [inputType, outputType, types] of [
    ["uint8", "float32", ["uint8_t", "float"]],
    ["float32", "uint8", ["float", "uint8_t"]],
  ] as const)
    test(`has ${inputType} in and ${outputType} out where that is asked, in golden vectors, operators and arena, too`, async () => {
      const [usual, out] = [golden(path), join(folder, `${inputType}-${outputType}`)];
      await exportSmall(out, { inputType, outputType });
      const { vectors, declared } = golden(out);
      assert.deepEqual(declared, types);
      const { tensors, inputs, outputs, operators } = readTflite(readFileSync(join(out, "model.tflite")));
      const ends = [tensors[inputs[0] as number], tensors[outputs[0] as number]];
      assert.deepEqual(
        ends.map((end) => end?.type),
        [inputType, outputType].map((type) => type.toUpperCase()),
      );
      // The same images, and the same answers.
      const inner = [operators[0]?.outputs[0], operators.at(-1)?.inputs[0]].map(
        (place) => tensors[place as number],
      );
      vectors.forEach((numbers, which) => {
        const { scales: [scale = 0] = [], zeroPoints: [zero = 0] = [] } = inner[which] ?? {};
        const wanted =
          [inputType, outputType][which] === "uint8"
            ? (i: number) => i + 128
            : (i: number) => Math.fround(scale * (i - zero));
        assert.deepEqual(numbers, usual.vectors[which]?.map(wanted));
      });
      const text = readFileSync(join(out, "model_ops.h"), "utf8");
      assert.match(text, /AddQuantize\(\)/);
      assert.equal(/AddDequantize\(\)/.test(text), outputType === "float32");
      const size = (folder: string) =>
        Number(/kPeaArenaSize = (\d+)/.exec(readFileSync(join(folder, "model_ops.h"), "utf8"))?.[1]);
      assert.ok(size(out) > size(path), `${size(out)} of ${size(path)} bytes`);
      assert.match(
        readFileSync(join(out, "README.md"), "utf8"),
        inputType === "uint8" ? /Input: uint8 of 1×28×28×1, number = / : /Input: float32 of 1×28×28×1\. /,
      );
    });

  test("names each operator of the file once", () => {
    const used = new Set(
      readTflite(readFileSync(join(path, "model.tflite"))).operators.map(({ name }) => name),
    );
    assert.deepEqual([...used].sort(), ["AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "PAD", "RESHAPE"]);
    const functions = [...textOf("model_ops.h").matchAll(/resolver\.(\w+)\(\)/g)].map(([, name]) => name);
    assert.deepEqual(functions, [
      "AddAveragePool2D",
      "AddConv2D",
      "AddDepthwiseConv2D",
      "AddPad",
      "AddReshape",
    ]);
    assert.match(textOf("model_ops.h"), /MicroMutableOpResolver<5>/);
  });

  test("the README has the arena's size, the input's scale and how images are prepared", () => {
    const [, arena] = /kPeaArenaSize = (\d+)/.exec(textOf("model_ops.h")) ?? [];
    const text = textOf("README.md");
    assert.ok(text.includes(`The arena of ${arena} bytes is an estimate`));
    assert.match(text, /Input: int8 of 1×28×28×1, number = 0\.\d+ · \(integer − \(-?\d+\)\)/);
    assert.ok(text.includes('{"mean":[0.5]}'));
  });

  test("the program of the README compiles against the library's declarations, and runs what it says", () => {
    const program = join(folder, "program");
    const micro = join(program, "tensorflow/lite/micro");
    mkdirSync(micro, { recursive: true });
    // The library's own headers are not here: what the program calls of them, declared as they do.
    writeFileSync(
      join(micro, "micro_mutable_op_resolver.h"),
      `#pragma once
#include <stdint.h>
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
namespace tflite {
template <unsigned N> struct MicroMutableOpResolver {
  unsigned count = 0;
  TfLiteStatus Add() { return ++count <= N ? kTfLiteOk : kTfLiteError; }
  TfLiteStatus AddAveragePool2D() { return Add(); }
  TfLiteStatus AddConv2D() { return Add(); }
  TfLiteStatus AddDepthwiseConv2D() { return Add(); }
  TfLiteStatus AddPad() { return Add(); }
  TfLiteStatus AddReshape() { return Add(); }
};
}
`,
    );
    writeFileSync(
      join(micro, "micro_interpreter.h"),
      `#pragma once
#include <stddef.h>
#include <string.h>
#include "golden_vectors.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
struct TfLiteTensor { union { char* raw; } data; };
namespace tflite {
struct Model { unsigned char bytes[8]; };
inline const Model* GetModel(const void* data) { return static_cast<const Model*>(data); }
// Answers with the second golden output, whatever it is asked.
struct MicroInterpreter {
  char in[sizeof(pea_golden_inputs[0])], out[sizeof(pea_golden_outputs[0])];
  TfLiteTensor tensors[2];
  const Model* model;
  template <class Resolver> MicroInterpreter(const Model* model, const Resolver&, uint8_t*, size_t) : model(model) {}
  TfLiteStatus AllocateTensors() { return memcmp(model->bytes + 4, "TFL3", 4) == 0 ? kTfLiteOk : kTfLiteError; }
  TfLiteStatus Invoke() { memcpy(out, pea_golden_outputs[1], sizeof(out)); return kTfLiteOk; }
  TfLiteTensor* input(int) { tensors[0].data.raw = in; return &tensors[0]; }
  TfLiteTensor* output(int) { tensors[1].data.raw = out; return &tensors[1]; }
};
}
`,
    );
    const [, code = ""] = /```cpp\n([^`]*)```/.exec(textOf("README.md")) ?? [];
    writeFileSync(join(program, "main.cc"), `${code}\nint main() { return RunGoldenVectors(); }\n`);
    const sources = [join(program, "main.cc"), join(path, "model_data.cc"), join(path, "golden_vectors.cc")];
    const compiled = spawnSync(
      "g++",
      [
        "-std=c++17",
        "-Wall",
        "-Wextra",
        "-Werror",
        `-I${program}`,
        `-I${path}`,
        ...sources,
        "-o",
        join(program, "main"),
      ],
      { encoding: "utf8" },
    );
    assert.equal(compiled.status, 0, compiled.stderr);
    assert.equal(
      spawnSync(join(program, "main")).status,
      2,
      "two of three golden outputs are others than the second",
    );
  });
});
