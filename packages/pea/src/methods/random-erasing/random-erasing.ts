/**
 * Images with a rectangle erased; the descriptor.
 *
 * @module
 */
import { z } from "zod";
import { described } from "../../common/settings.ts";
import type { MethodDescriptor } from "../descriptor.ts";

/** Two numbers above 0, the first not above the second. */
const range = (highest: number, initial: [number, number], help: string) =>
  described(
    z
      .tuple([z.number().positive().max(highest), z.number().positive().max(highest)])
      .refine(([from, to]) => from <= to)
      .default(initial),
    {
      help,
      allowed: `two numbers above 0${highest < Number.POSITIVE_INFINITY ? ` and up to ${highest}` : ""}, the smaller one first`,
      value: "X,X",
    },
  );

const settings = z.strictObject({
  probability: described(z.number().positive().max(1).default(0.25), {
    help: "share of the images in which a rectangle is erased",
    allowed: "a number above 0 and up to 1",
    value: "X",
  }),
  area: range(1, [0.02, 0.33], "share of the image that the rectangle takes, from and to"),
  ratio: range(Number.POSITIVE_INFINITY, [0.3, 3.3], "the rectangle's height to its width, from and to"),
});

export const randomErasing: MethodDescriptor<typeof settings> = {
  name: "random-erasing",
  settings,
  mainSetting: "probability",
  stage: "images",
  create: async (settings) => {
    const { RandomErasingMethod } = await import("./random-erasing-method.ts");
    return new RandomErasingMethod(settings);
  },
};
