import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Adam,
  type AdamGroup,
  type AdamOptions,
  backward,
  call,
  clone,
  detach,
  memoryStats,
  mul,
  scope,
  sum,
  type Tensor,
  tensor,
} from "@pea/torch";
import { oracleCase, testAgainstPython } from "./oracle.ts";

/** Six steps on a³ + sin(b · step) with a falling learning rate; b has a gradient in every second step only. */
function adamCase(name: string, python: string, options: AdamOptions, own: Partial<AdamOptions> = {}) {
  return oracleCase({
    name,
    inputs: { p: [3, 4], q: [5] },
    python: `a, b = (z.detach().clone().requires_grad_() for z in (p, q))
o = torch.optim.${python}
for step in range(6):
    o.zero_grad(set_to_none=True)
    a.pow(3).sum().backward()
    if step % 2: (b * (step + 1)).sin().sum().backward()
    o.step()
    for g in o.param_groups: g["lr"] *= 0.8
output = [z.detach() for z in (a, b)]`,
    run: ({ p, q }) => {
      const [a, b] = [p, q].map((z) => {
        const parameter = clone(detach(z));
        parameter.requiresGrad = true;
        return parameter;
      }) as [Tensor, Tensor];
      const groups: AdamGroup[] = [{ parameters: [a, b], ...own }];
      const optimizer = new Adam(groups, options);
      for (let step = 0; step < 6; step++) {
        optimizer.zeroGrad();
        backward(sum(mul(mul(a, a), a)));
        if (step % 2 === 1) backward(sum(call("aten::sin", mul(b, step + 1))));
        optimizer.step();
        for (const group of optimizer.groups) group.lr *= 0.8;
      }
      return [a, b].map((parameter) => detach(parameter));
    },
  });
}

testAgainstPython([
  adamCase("as PyTorch's Adam", "Adam([a, b], lr=0.05)", { lr: 0.05 }),
  adamCase("with weight decay in the gradient", "Adam([a, b], lr=0.05, weight_decay=0.1)", {
    lr: 0.05,
    weightDecay: 0.1,
  }),
  adamCase("with decoupled decay, as PyTorch's AdamW", "AdamW([a, b], lr=0.05, weight_decay=0.1)", {
    lr: 0.05,
    weightDecay: 0.1,
    decay: "decoupled",
  }),
  adamCase(
    "with β, ε and a group of their own",
    `Adam([{"params": [a, b], "lr": 0.02, "eps": 1e-3}], lr=1.0, betas=(0.8, 0.9))`,
    { lr: 1, betas: [0.8, 0.9] },
    { lr: 0.02, eps: 1e-3 },
  ),
]);

function stepping(start = 1) {
  const w = tensor([start], { dtype: "float64", requiresGrad: true });
  const optimizer = new Adam([w], { lr: 1e-2, weightDecay: 0.1 });
  const step = (gradient: number) => {
    w.grad = tensor([gradient], { dtype: "float64" });
    optimizer.step();
    return w.item();
  };
  return { w, optimizer, step };
}

test("a loaded state goes on as if never interrupted, and steps leave no tensors behind but it", () => {
  const gradients = [1, -0.5, 0.25, 0.8];
  const whole = stepping();
  const expected = gradients.map((gradient) => whole.step(gradient));
  const first = stepping();
  for (const gradient of gradients.slice(0, 2)) first.step(gradient);
  const second = stepping(first.w.item());
  second.optimizer.load(first.optimizer.state());
  assert.deepEqual(
    gradients.slice(2).map((gradient) => second.step(gradient)),
    expected.slice(2),
  );
  const { tensors } = memoryStats();
  scope(() => second.step(1));
  assert.equal(memoryStats().tensors, tensors);
  second.optimizer.dispose();
  assert.equal(memoryStats().tensors, tensors - 3);
});

test("settings out of range are refused", () => {
  const w = tensor([1], { requiresGrad: true });
  const refused = (options: object, message: RegExp) =>
    assert.throws(() => new Adam([w], { lr: 1, ...options }), { name: "TorchError", message });
  refused({ lr: -1 }, /Adam: lr must be at least 0, got -1/);
  refused({ betas: [0.9, 1] }, /Adam: betas must be from 0 up to but not 1, got 1/);
  refused({ decay: "W" }, /Adam: decay must be l2 or decoupled, got W/);
});
