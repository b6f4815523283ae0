import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ActivationName, SmoothName } from "@pea/core";
import { type Module, setNumThreads } from "@pea/torch";
import { applyPea, finalize, replaceActivation } from "../../src/methods/index.ts";
import { createModel } from "../../src/models/index.ts";
import { goldenFill } from "../models/golden-fill.ts";
import { type Trace, traceTraining } from "./training-trace.ts";
// Of a user's own, composed of plain operators.
import "../../../../examples/own-activation/squareplus.ts";

setNumThreads(1);

const networks = [
  { name: "resnet18-0.125-small", image: [3, 16, 16], options: {} },
  { name: "mobilenet-0.25-small", image: [1, 16, 16], options: { dropout: 0 } },
] as const;

type Network = (typeof networks)[number];

/** Three training steps of a network that `prepare` has changed. */
function trace({ name, image, options }: Network, prepare: (model: Module) => void): Trace {
  const model = createModel(name, { ...options, classes: 10, inputChannels: image[0] });
  prepare(model);
  goldenFill(model);
  const result = traceTraining(model, { image, batch: 4 });
  model.dispose();
  return result;
}

const traceOfPlain = (network: Network, activation: ActivationName) =>
  trace(network, (model) => {
    replaceActivation(model, activation);
  });

function assertBitEqual(actual: Trace, expected: Trace): void {
  assert.deepEqual([...actual.keys()], [...expected.keys()]);
  for (const [key, values] of expected) {
    const bytes = ({ buffer, byteOffset, byteLength }: NodeJS.TypedArray) =>
      Buffer.from(buffer, byteOffset, byteLength);
    assert.ok(bytes(actual.get(key) as NodeJS.TypedArray).equals(bytes(values)), `${key} differs`);
  }
}

for (const network of networks) {
  describe(`${network.name}: outputs, gradients and three training steps bit by bit`, () => {
    const relu = traceOfPlain(network, "relu");
    for (const ensemble of ["weighted", "stochastic"] as const) {
      for (const smooth of [
        "gelu",
        "swish",
        "mish",
        "elu",
        "hardswish",
        "gelu-tanh",
        "squareplus",
      ] satisfies SmoothName[]) {
        test(`${ensemble} ${smooth}: α = 0 is the ${smooth} network, α = 1 the ReLU network`, () => {
          const withAlpha = (alpha: number) =>
            trace(network, (model) => {
              applyPea(model, { ensemble, smooth }).alpha = alpha;
            });
          assertBitEqual(withAlpha(0), traceOfPlain(network, smooth));
          assertBitEqual(withAlpha(1), relu);
        });
      }
    }

    test("a network finalized goes on as the ReLU network", () => {
      const finalized = trace(network, (model) => {
        applyPea(model, { ensemble: "stochastic", smooth: "mish" }).alpha = 1;
        finalize(model);
      });
      assertBitEqual(finalized, relu);
    });

    test("in between, the traces differ from both", () => {
      const between = trace(network, (model) => {
        applyPea(model, { ensemble: "weighted", smooth: "mish" }).alpha = 0.5;
      });
      assert.notDeepEqual(between.get("logits.0"), relu.get("logits.0"));
      assert.notDeepEqual(between.get("logits.0"), traceOfPlain(network, "mish").get("logits.0"));
    });
  });
}
