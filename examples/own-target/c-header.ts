/**
 * A target of one's own: the weights of a network as arrays of C, in the order in which it reads them, for who writes the
 * loops himself.
 */
import { readFile } from "node:fs/promises";
import type { Graph } from "@pea/graph";
import { PeaError, registerTarget } from "pea-train";

registerTarget({
  name: "c-header",
  title: "C header",
  file: "model.h",

  obstacle({ nodes }) {
    const norm = nodes.find(({ operator }) => operator === "BatchNormalization");
    return norm ? `BatchNormalization in ${norm.path} is left: fold it, with --fold-batch-norms` : null;
  },

  write(graph, { producerVersion }) {
    const arrays = [...floatConstants(graph)].map(
      ([name, values]) =>
        `static const float ${identifier(name)}[${values.length}] = {\n  ${[...values].map(literal).join(", ")}\n};\n`,
    );
    const steps = graph.nodes.map(
      ({ operator, inputs, outputs }) => ` * ${outputs.join(", ")} = ${operator}(${inputs.join(", ")})`,
    );
    return [`/* pea ${producerVersion}`, ...steps, " */", "", ...arrays].join("\n");
  },

  // No program to run: the numbers must be the network's, to the last bit.
  async verify(file, { graph }) {
    const text = await readFile(file, "utf8");
    let weights = 0;
    for (const [name, values] of floatConstants(graph)) {
      const [, written = ""] = new RegExp(`${identifier(name)}\\[\\d+\\] = \\{([^}]*)\\}`).exec(text) ?? [];
      const read = written.split(",").map((word) => Math.fround(Number.parseFloat(word)));
      if (read.length !== values.length || read.some((value, i) => value !== values[i]))
        throw new PeaError(`${name} does not come back as it was written`);
      weights += read.length;
    }
    return { weights };
  },

  describe: ({ weights }) => [`all ${weights} weights read back as they are`],
});

function floatConstants({ constants }: Graph): Map<string, Float32Array> {
  return new Map(
    [...constants].flatMap(([name, { data }]) => (data instanceof Float32Array ? [[name, data]] : [])),
  );
}

/** As C takes it. */
const identifier = (name: string): string => name.replaceAll(/\W/g, "_");

/** Nine digits tell every float32 from its neighbours. */
const literal = (value: number): string => `${value.toExponential(8)}f`;
