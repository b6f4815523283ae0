/** A training method of one's own, made known to the command `pea`; see docs/add-a-method.md. */
import { add, exp, logSoftmax, mean, mul, sum, type Tensor } from "@pea/torch";
import { registerMethod } from "pea-train";
import { z } from "zod";

/** −Σ p·log p of each answer, and of these the mean. */
function entropy(logits: Tensor): Tensor {
  const logProbabilities = logSoftmax(logits, 1);
  return mul(mean(sum(mul(exp(logProbabilities), logProbabilities), { dim: 1 })), -1);
}

registerMethod({
  name: "confidence-penalty",
  settings: z.strictObject({ beta: z.number().min(0).default(0.1) }),
  mainSetting: "beta",
  stage: "loss",
  create: ({ beta }) => ({
    loss: (loss, { logits }) => add(loss, entropy(logits), { alpha: -beta }),
  }),
});
