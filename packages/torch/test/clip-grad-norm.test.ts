import assert from "node:assert/strict";
import { test } from "node:test";
import {
  backward,
  clipGradNorm,
  clone,
  detach,
  memoryStats,
  mul,
  sum,
  type Tensor,
  tensor,
} from "@pea/torch";
import { oracleCase, testAgainstPython } from "./oracle.ts";

const againstPython = (name: string, maxNorm: number) =>
  oracleCase({
    name,
    inputs: { p: [3, 4], q: [5] },
    python: `a, b, c = (z.detach().clone().requires_grad_() for z in (p, q, q))
(a.pow(2).sum() + b.pow(2).sum()).backward()
norm = torch.nn.utils.clip_grad_norm_([a, b, c], ${maxNorm})
output = [norm.detach(), a.grad, b.grad]`,
    run: ({ p, q }, dtype) => {
      const [a, b, c] = [p, q, q].map((z) => {
        const parameter = clone(detach(z));
        parameter.requiresGrad = true;
        return parameter;
      }) as [Tensor, Tensor, Tensor];
      for (const parameter of [a, b]) backward(sum(mul(parameter, parameter)));
      const norm = clipGradNorm([a, b, c], maxNorm);
      return [tensor(norm, { dtype }), a.grad as Tensor, b.grad as Tensor];
    },
  });

testAgainstPython([
  againstPython("gradients beyond the norm are scaled together", 0.5),
  againstPython("gradients within the norm stay", 100),
]);

/** A parameter with this gradient. */
function withGradient(values: number[]): Tensor {
  const parameter = tensor(values, { dtype: "float64", requiresGrad: true });
  parameter.grad = tensor(values, { dtype: "float64" });
  return parameter;
}

test("the norm is over all gradients, and what is within it stays bit for bit", () => {
  const parameters = [withGradient([3, 0]), withGradient([4])];
  assert.equal(clipGradNorm(parameters, 5.1), 5);
  assert.deepEqual(parameters[0]?.grad?.toNestedArray(), [3, 0]);
  clipGradNorm(parameters, 1);
  const scaled = clipGradNorm(parameters, 100);
  assert.ok(Math.abs(scaled - 1) < 1e-6, `${scaled}`);
});

test("without gradients there is nothing to do; a norm that is no number shows in every gradient", () => {
  assert.equal(clipGradNorm([tensor([1], { requiresGrad: true })], 1), 0);
  const parameters = [withGradient([Number.NaN]), withGradient([1])];
  assert.ok(Number.isNaN(clipGradNorm(parameters, 1)));
  assert.ok(Number.isNaN(parameters[1]?.grad?.item()));
});

test("it leaves no tensor behind", () => {
  const parameters = [withGradient([3, 4])];
  clipGradNorm(parameters, 1);
  const { tensors } = memoryStats();
  clipGradNorm(parameters, 0.5);
  assert.equal(memoryStats().tensors, tensors);
});

test("a largest norm that is not above 0 is refused", () => {
  for (const maxNorm of [0, -1, Number.NaN])
    assert.throws(() => clipGradNorm([], maxNorm), {
      name: "TorchError",
      message: /maxNorm must be above 0/,
    });
});
