/**
 * Learning from a teacher's answers; the descriptor.
 *
 * @module
 */
import { basename, relative, resolve, sep } from "node:path";
import { z } from "zod";
import { described } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

const usual = { temperature: 4, weight: 0.5 };

const settings = z.strictObject({
  teacher: described(z.string().min(1).transform(fromHere), {
    help: "the network that is learned from: the folder of a run, or an ONNX file",
    allowed: "the folder of a run, or an ONNX file",
    value: "PATH",
  }),
  temperature: described(z.number().positive().default(usual.temperature), {
    help: "what both networks' logits are divided by: more makes answers softer",
    allowed: "a number above 0",
    value: "X",
  }),
  weight: described(z.number().gt(0).max(1).default(usual.weight), {
    help: "share of the teacher's answers in the loss, beside the labels'",
    allowed: "a number above 0 and up to 1",
    value: "X",
  }),
});

/** A path within the working folder from there, so that a run is of the same settings in a copy of the project elsewhere. */
function fromHere(path: string): string {
  const within = relative("", path) || ".";
  return within.split(sep)[0] === ".." ? resolve(path) : within;
}

export const distillation: MethodDescriptor<typeof settings> = {
  name: "distillation",
  settings,
  mainSetting: "teacher",
  stage: "loss",
  decides: "which teacher is learned from",
  title: ({ teacher, temperature, weight }) =>
    [
      `distillation of ${basename(resolve(teacher))}`,
      ...(temperature === usual.temperature ? [] : [`temperature=${temperature}`]),
      ...(weight === usual.weight ? [] : [`weight=${weight}`]),
    ].join(" "),
  create: async (settings) => {
    const { DistillationMethod } = await import("./distillation-method.ts");
    return new DistillationMethod(settings);
  },
};
