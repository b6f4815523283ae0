import { Module, type Tensor } from "@pea/torch";

/** A network that is a function. */
export class FunctionNetwork extends Module {
  constructor(private readonly compute: (x: Tensor) => Tensor) {
    super();
  }

  forward(x: Tensor): Tensor {
    return this.compute(x);
  }
}
