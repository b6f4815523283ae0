/** Networks for microcontrollers: the TensorFlow Lite file as C++, and all that a program needs beside it. */
import type { IntegerTarget } from "../target.ts";
import { encodeTflite } from "../tflite/encode.ts";
import { type EndVector, vectorsAtEnds } from "../tflite/golden.ts";
import { firstReason, tfliteObstaclesOf } from "../tflite/obstacle.ts";
import { checkTflite, tfliteScheme } from "../tflite/tflite-target.ts";
import { describeTflite, openTflite, type TfliteProof, verifyTflite } from "../tflite/verify-tflite.ts";
import { lowerToTflite } from "../tflite/write-tflite.ts";
import { arenaBytes } from "./arena.ts";
import { cType, header, initializer } from "./c-source.ts";
import { readme } from "./readme.ts";
import { resolverFunctions, whyNoKernel } from "./resolver.ts";

/** Its golden vectors are what programs give and get, at the ends of the file. */
export const tflmTarget: IntegerTarget<TfliteProof> = {
  name: "tflm",
  title: "LiteRT for Microcontrollers",
  file: "tflm",
  takes: ["inputType", "outputType", "litert"],
  scheme: tfliteScheme,
  check: checkTflite,
  obstacle: (graph, scheme) => firstReason(() => tfliteObstaclesOf(graph, scheme, whyNoKernel)),
  obstacles: (graph, scheme) => tfliteObstaclesOf(graph, scheme, whyNoKernel),
  write(graph, { metadata, producerVersion, samples, inputType, outputType }) {
    const ends = { inputType, outputType };
    const model = lowerToTflite(graph, { ...ends, metadata, description: `pea ${producerVersion}` });
    const bytes = encodeTflite(model);
    const golden = vectorsAtEnds(graph, samples, ends);
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

function goldenData(golden: readonly EndVector[]): Record<string, string> {
  const [{ input, output } = { input: new Int8Array(), output: new Int8Array() }] = golden;
  const array = (name: string, values: EndVector["input"]) =>
    `const ${cType(values)} pea_golden_${name}[kPeaGoldenCount][${values.length}]`;
  const values = (which: "input" | "output") => golden.map((vector) => initializer(vector[which])).join(", ");
  return {
    "golden_vectors.h": header(
      "golden_vectors.h",
      "#include <stdint.h>",
      "",
      `constexpr int kPeaGoldenCount = ${golden.length};`,
      `extern ${array("inputs", input)};`,
      `extern ${array("outputs", output)};`,
    ),
    "golden_vectors.cc": [
      '#include "golden_vectors.h"',
      "",
      `${array("inputs", input)} = {${values("input")}};`,
      "",
      `${array("outputs", output)} = {${values("output")}};`,
      "",
    ].join("\n"),
  };
}
