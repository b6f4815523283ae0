import { type Graph, sizeFor } from "@pea/graph";
import type { Step, Toolchain } from "./toolchains.ts";

/** What stands beside the file: what it is, what to know, how to go on. */
export function readme(toolchain: Toolchain, file: string, graph: Graph): string {
  const { title, form, notes, packages, steps } = toolchain;
  const shape = (graph.inputs[0]?.shape ?? []).map((size) => sizeFor(size, 1));
  const python = steps.some(({ language }) => language === "python");
  return [
    `# ${file} for ${title}`,
    "",
    `${forms[form]} Its metadata has how images are prepared (\`preprocessing\`) and the names of the classes.`,
    "",
    ...[...notes, proof(toolchain)].map((note) => `- ${note}`),
    "",
    ...(packages.length === 0 ? [] : [`Install it: \`pip install ${packages.join(" ")}\``, ""]),
    ...(python
      ? [
          `In this folder, with \`images\`, float32 [count, ${shape.slice(1).join(", ")}], prepared as said:`,
          "",
        ]
      : []),
    ...steps.flatMap((step) => [...block(step, file, shape), ""]),
  ].join("\n");
}

function block({ language, lines }: Step, file: string, shape: readonly number[]): string[] {
  const filled = (line: string) =>
    line
      .replaceAll("FILE", file)
      .replaceAll("STEM", file.replace(/\.\w+$/, ""))
      .replaceAll("SHAPE", shape.join(","));
  return [`\`\`\`${language}`, ...lines.map(filled), "```"];
}

/** Whether it was tried, and in what. */
export function proof({ title, packages, apart }: Toolchain): string {
  return apart !== undefined
    ? `Tried in ${packages.join(", ")}: three networks, exported so, answer as in ONNX Runtime but for ${apart}.`
    : `Not tried: no file of this form was run in ${title}.`;
}

const forms: Readonly<Record<Toolchain["form"], string>> = {
  onnx: "ONNX in floats, batch norms folded.",
  "onnx-int8": "ONNX in integers: QuantizeLinear and DequantizeLinear around every operator.",
  tflite: "TensorFlow Lite in integers of 8 bits.",
};
