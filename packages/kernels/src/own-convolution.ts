import type { ConvKernel } from "@pea/torch";
import { conv3x1 } from "./conv3x1.ts";
import { conv3x3 } from "./conv3x3.ts";
import { depthwise } from "./depthwise.ts";
import { pointwise } from "./pointwise.ts";
import { stem } from "./stem.ts";

/** The convolution by whichever operator of this package covers it; undefined, having done nothing, where none does. */
export const ownConvolution: ConvKernel = (...given) =>
  conv3x3(...given) ?? conv3x1(...given) ?? depthwise(...given) ?? pointwise(...given) ?? stem(...given);
