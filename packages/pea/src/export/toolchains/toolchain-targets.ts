/**
 * The targets of toolchains: a folder with the file in the form that one takes, and how to go on.
 *
 * @module
 */
import { join } from "node:path";
import { fixBatch, foldBatchNorms, type Graph } from "@pea/graph";
import { oneImageAlone } from "../one-image-alone.ts";
import { onnxTarget } from "../onnx/onnx-target.ts";
import type { Verification } from "../onnx/verify.ts";
import { onnxInt8Target } from "../onnx-int8/onnx-int8-target.ts";
import type { Asked, Content, FloatTarget, IntegerTarget, Target } from "../target.ts";
import { tfliteTarget } from "../tflite/tflite-target.ts";
import { plainPads } from "./plain-pads.ts";
import { proof, readme } from "./readme.ts";
import { type Toolchain, toolchains } from "./toolchains.ts";

/** One for each toolchain. */
export const toolchainTargets: readonly Target[] = toolchains.map((toolchain) =>
  toolchain.form === "onnx" ? ofFloats(toolchain) : ofIntegers(toolchain),
);

/** Batch norms are folded: not all fold them. */
function ofFloats(toolchain: Toolchain): FloatTarget<Verification> {
  const { name, title } = toolchain;
  const file = onnxTarget.file;
  return {
    ...onnxTarget,
    name,
    title,
    file: name,
    hasLayouts: false,
    ...(toolchain.quantizesTo && { trainingScheme: toolchain.quantizesTo }),
    check: (asked) => checkBatch(toolchain, asked),
    write: async (graph, about) =>
      inFolder(
        toolchain,
        file,
        graph,
        await onnxTarget.write(inForm(foldBatchNorms(graph), toolchain), about),
      ),
    verify: (path, original) => onnxTarget.verify(join(path, file), original),
    describe: (proof) => [...onnxTarget.describe(proof), howToGoOn(toolchain)],
  };
}

function ofIntegers(toolchain: Toolchain): IntegerTarget {
  const { name, title, form } = toolchain;
  const base = (form === "tflite" ? tfliteTarget : onnxInt8Target) as IntegerTarget;
  const file = form === "tflite" ? "model.tflite" : base.file;
  const isFolder = form === "tflite";
  const within = (path: string) => (isFolder ? path : join(path, file));
  return {
    ...base,
    name,
    title,
    file: name,
    async check(asked) {
      checkBatch(toolchain, asked);
      await base.check?.(asked);
    },
    write: async (graph, about) =>
      inFolder(toolchain, file, graph, await base.write(inForm(graph, toolchain), about)),
    verify: (path, original) => base.verify(within(path), original),
    open: (path, graph, settings) => base.open(within(path), graph, settings),
    describe: (proof) => [...base.describe(proof), howToGoOn(toolchain)],
  };
}

function checkBatch({ title, oneImage }: Toolchain, { batch = 1 }: Asked): void {
  if (oneImage && batch !== 1) throw oneImageAlone(`a file for ${title}`, batch);
}

/** Pads as all read them in ONNX, and for one image at a time, where the toolchain wants that. */
function inForm<G extends Graph>(graph: G, { form, oneImage }: Toolchain): G {
  const plain = form === "tflite" ? graph : plainPads(graph);
  return oneImage ? { ...plain, ...fixBatch(plain, 1) } : plain;
}

function inFolder(toolchain: Toolchain, file: string, graph: Graph, content: Content): Content {
  const files = typeof content === "string" || content instanceof Uint8Array ? { [file]: content } : content;
  return { ...files, "README.md": readme(toolchain, file, graph) };
}

const howToGoOn = (toolchain: Toolchain) =>
  `${proof(toolchain)} README.md beside the file says how to go on.`;
