/** An activation of one's own, made known to the command `pea`; see docs/add-an-activation.md. */
import { add, mul, sqrt, type Tensor } from "@pea/torch";
import { registerActivation } from "pea-train";

/** (x + √(x² + 4)) / 2: as ReLU far from 0, with a bend as wide as Softplus'. */
function squareplus(x: Tensor): Tensor {
  return mul(add(x, sqrt(add(mul(x, x), 4))), 0.5);
}

registerActivation("squareplus", squareplus, { letter: "Q", title: "Squareplus" });
