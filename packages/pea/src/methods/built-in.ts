import { activation } from "./activation/activation.ts";
import { ema } from "./ema/ema.ts";
import { mixup } from "./mixup/mixup.ts";
import { pea } from "./pea/pea.ts";
import { quantize } from "./quantize/quantize.ts";
import { swap } from "./swap/swap.ts";

/** The methods of this package, in the order in which lists name them. */
export const builtIn = [pea, activation, swap, quantize, mixup, ema];
