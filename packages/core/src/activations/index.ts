import type { Activation, ActivationName } from "./activation.ts";
import { elu } from "./elu.ts";
import { gelu } from "./gelu.ts";
import { mish } from "./mish.ts";
import { relu } from "./relu.ts";
import { swish } from "./swish.ts";

export type { Activation, ActivationName, SmoothName } from "./activation.ts";

/**
 * The activations by name.
 *
 * @example activations.gelu.f(1); // 0.8413447460685429
 */
export const activations: Readonly<Record<ActivationName, Activation>> = { relu, gelu, swish, mish, elu };
