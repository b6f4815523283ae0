import { actLearn } from "./act-learn/act-learn.ts";
import { activation } from "./activation/activation.ts";
import { cutmix } from "./cutmix/cutmix.ts";
import { distillation } from "./distillation/distillation.ts";
import { ema } from "./ema/ema.ts";
import { expand } from "./expand/expand.ts";
import { lambdaGelu } from "./lambda-gelu/lambda-gelu.ts";
import { lookahead } from "./lookahead/lookahead.ts";
import { mixup } from "./mixup/mixup.ts";
import { pea } from "./pea/pea.ts";
import { quantize } from "./quantize/quantize.ts";
import { randaugment } from "./randaugment/randaugment.ts";
import { randomErasing } from "./random-erasing/random-erasing.ts";
import { reparameterize } from "./reparameterize/reparameterize.ts";
import { stochasticDepth } from "./stochastic-depth/stochastic-depth.ts";
import { sugar } from "./sugar/sugar.ts";
import { swa } from "./swa/swa.ts";
import { swap } from "./swap/swap.ts";

/** The methods of this package, in the order in which lists name them. */
export const builtIn = [
  ...[pea, activation, swap, sugar, lambdaGelu, reparameterize, expand, actLearn, stochasticDepth, quantize],
  ...[randaugment, randomErasing, mixup, cutmix],
  distillation,
  ...[lookahead, ema, swa],
];
