/** Networks for microcontrollers: the TensorFlow Lite file as C++, and all that a program needs beside it. */
import type { IntegerTarget } from "../target.ts";
import { encodeTflite } from "../tflite/encode.ts";
import { type GoldenVector, goldenVectors } from "../tflite/golden.ts";
import { tfliteObstacle, tfliteObstaclesOf } from "../tflite/obstacle.ts";
import { checkTflite, tfliteScheme } from "../tflite/tflite-target.ts";
import { describeTflite, openTflite, type TfliteProof, verifyTflite } from "../tflite/verify-tflite.ts";
import { lowerToTflite } from "../tflite/write-tflite.ts";
import { arenaBytes } from "./arena.ts";
import { header, initializer } from "./c-source.ts";
import { readme } from "./readme.ts";
import { resolverFunctions } from "./resolver.ts";

/** Its ends are the network's integers: golden vectors are of these. */
export const tflmTarget: IntegerTarget<TfliteProof> = {
  name: "tflm",
  title: "LiteRT for Microcontrollers",
  file: "tflm",
  takes: ["litert"],
  scheme: tfliteScheme,
  check: checkTflite,
  obstacle: tfliteObstacle,
  obstacles: tfliteObstaclesOf,
  write(graph, { metadata, producerVersion, samples }) {
    const model = lowerToTflite(graph, { metadata, description: `pea ${producerVersion}` });
    const bytes = encodeTflite(model);
    const golden = goldenVectors(graph, samples);
    const arena = arenaBytes(model);
    return {
      "model.tflite": bytes,
      ...modelData(bytes),
      "model_ops.h": modelOps(resolverFunctions(model), arena),
      ...goldenData(golden),
      "README.md": readme(model, { arena, vectors: golden.length }),
    };
  },
  open: (path, _, settings) => openTflite(path, settings),
  verify: verifyTflite,
  describe: describeTflite,
};

/** The file's bytes as an array that begins where kernels want it. */
function modelData(bytes: Uint8Array): Record<string, string> {
  return {
    "model_data.h": header(
      "model_data.h",
      "extern const unsigned char pea_model[];",
      "extern const unsigned int pea_model_size;",
    ),
    "model_data.cc": [
      '#include "model_data.h"',
      "",
      `alignas(16) const unsigned char pea_model[] = ${initializer(bytes)};`,
      `const unsigned int pea_model_size = ${bytes.length};`,
      "",
    ].join("\n"),
  };
}

function modelOps(functions: readonly string[], arena: number): string {
  return header(
    "model_ops.h",
    '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"',
    "",
    `using PeaOpResolver = tflite::MicroMutableOpResolver<${functions.length}>;`,
    "",
    "// The operators that the network needs, and no others.",
    "inline TfLiteStatus AddPeaOperators(PeaOpResolver& resolver) {",
    ...functions.map((name) => `  if (resolver.${name}() != kTfLiteOk) return kTfLiteError;`),
    "  return kTfLiteOk;",
    "}",
    "",
    "// An estimate in bytes; see README.md.",
    `constexpr int kPeaArenaSize = ${arena};`,
  );
}

function goldenData(golden: readonly GoldenVector[]): Record<string, string> {
  const [{ input, output } = { input: new Int8Array(), output: new Int8Array() }] = golden;
  const type = input instanceof Int16Array ? "int16_t" : "int8_t";
  const array = (name: string, length: number) =>
    `const ${type} pea_golden_${name}[kPeaGoldenCount][${length}]`;
  const values = (which: "input" | "output") => golden.map((vector) => initializer(vector[which])).join(", ");
  return {
    "golden_vectors.h": header(
      "golden_vectors.h",
      "#include <stdint.h>",
      "",
      `constexpr int kPeaGoldenCount = ${golden.length};`,
      `extern ${array("inputs", input.length)};`,
      `extern ${array("outputs", output.length)};`,
    ),
    "golden_vectors.cc": [
      '#include "golden_vectors.h"',
      "",
      `${array("inputs", input.length)} = {${values("input")}};`,
      "",
      `${array("outputs", output.length)} = {${values("output")}};`,
      "",
    ].join("\n"),
  };
}
