/** What is told beside the files: how a program is made of them. */
import type { TfliteModel, TfliteTensor } from "../tflite/model.ts";

/** The folder's README. */
export function readme(model: TfliteModel, { arena, vectors }: { arena: number; vectors: number }): string {
  const [input, output] = [model.tensors[model.inputs[0] ?? 0], model.tensors[model.outputs[0] ?? 0]];
  const preprocessing = model.metadata.preprocessing;
  return `# A network for LiteRT for Microcontrollers

| file | what it holds |
|---|---|
| \`model.tflite\` | the network, for tools on a computer |
| \`model_data.h\`, \`model_data.cc\` | the same bytes as an array |
| \`model_ops.h\` | the operators it needs, and the size of the arena |
| \`golden_vectors.h\`, \`golden_vectors.cc\` | ${vectors} inputs, and what the network must compute of them to the byte |

Input: ${told(input)}. Output: ${told(output)}.
${preprocessing === undefined ? "" : `\nImages are prepared so, with channels last: \`${preprocessing}\`\n`}
The arena of ${arena} bytes is an estimate: planned as the library plans, with room for what its reference kernels keep on a
processor of 64 bits. Other kernels (CMSIS-NN, ESP-NN) may take more; \`interpreter.arena_used_bytes()\` tells what is taken.

\`\`\`cpp
#include <string.h>

#include "golden_vectors.h"
#include "model_data.h"
#include "model_ops.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

alignas(16) static uint8_t arena[kPeaArenaSize];

// How many of the golden vectors come out otherwise; below 0 where the network cannot be run.
int RunGoldenVectors() {
  PeaOpResolver resolver;
  if (AddPeaOperators(resolver) != kTfLiteOk) return -1;
  tflite::MicroInterpreter interpreter(tflite::GetModel(pea_model), resolver, arena, kPeaArenaSize);
  if (interpreter.AllocateTensors() != kTfLiteOk) return -1;
  int failed = 0;
  for (int i = 0; i < kPeaGoldenCount; i++) {
    memcpy(interpreter.input(0)->data.raw, pea_golden_inputs[i], sizeof(pea_golden_inputs[i]));
    if (interpreter.Invoke() != kTfLiteOk) return -1;
    if (memcmp(interpreter.output(0)->data.raw, pea_golden_outputs[i], sizeof(pea_golden_outputs[i])) != 0) failed++;
  }
  return failed;
}
\`\`\`
`;
}

/** `int8 of 1×28×28×1, number = 0.0157 · (integer − −3)`. */
function told(tensor: TfliteTensor | undefined): string {
  const { type = "", shape = [], quantization } = tensor ?? {};
  const sizes = `${type} of ${shape.join("×")}`;
  if (quantization === undefined) return sizes;
  return `${sizes}, number = ${quantization.scales[0]} · (integer − (${quantization.zeroPoints[0]}))`;
}
