import { elu } from "./elu.ts";
import { gelu } from "./gelu.ts";
import { mish } from "./mish.ts";
import { relu } from "./relu.ts";
import { swish } from "./swish.ts";

/** The activations of this package, in the order in which lists name them. */
export const builtIn = { relu, gelu, swish, mish, elu };
