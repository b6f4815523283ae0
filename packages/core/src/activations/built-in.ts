import { elu } from "./elu.ts";
import { gelu } from "./gelu.ts";
import { geluTanh } from "./gelu-tanh.ts";
import { hardswish } from "./hardswish.ts";
import { mish } from "./mish.ts";
import { relu } from "./relu.ts";
import { swish } from "./swish.ts";

/** The activations of this package, in the order in which lists name them. */
export const builtIn = { relu, gelu, swish, mish, elu, hardswish, "gelu-tanh": geluTanh };
