import assert from "node:assert/strict";
import { test } from "node:test";
import {
  backward,
  call,
  clone,
  detach,
  memoryStats,
  mul,
  RAdam,
  type RAdamGroup,
  type RAdamOptions,
  scope,
  sum,
  type Tensor,
  tensor,
} from "@pea/torch";
import { oracleCase, testAgainstPython } from "./oracle.ts";

/** Nine steps on a³ + sin(b · step) with a falling learning rate; b has a gradient in every second step only. */
function radamCase(name: string, python: string, options: RAdamOptions, own: Partial<RAdamOptions> = {}) {
  return oracleCase({
    name,
    inputs: { p: [3, 4], q: [5] },
    python: `a, b, c = (z.detach().clone().requires_grad_() for z in (p, q, q))
o = torch.optim.RAdam(${python})
for step in range(9):
    o.zero_grad(set_to_none=True)
    a.pow(3).sum().backward()
    if step % 2: (b * (step + 1)).sin().sum().backward()
    o.step()
    for g in o.param_groups: g["lr"] *= 0.8
output = [z.detach() for z in (a, b, c)]`,
    run: ({ p, q }) => {
      const [a, b, c] = [p, q, q].map((z) => {
        const parameter = clone(detach(z));
        parameter.requiresGrad = true;
        return parameter;
      }) as [Tensor, Tensor, Tensor];
      const groups: RAdamGroup[] = [{ parameters: [a, c, b], ...own }];
      const optimizer = new RAdam(groups, options);
      for (let step = 0; step < 9; step++) {
        optimizer.zeroGrad();
        backward(sum(mul(mul(a, a), a)));
        if (step % 2 === 1) backward(sum(call("aten::sin", mul(b, step + 1))));
        optimizer.step();
        for (const group of optimizer.groups) group.lr *= 0.8;
      }
      return [a, b, c].map((parameter) => detach(parameter));
    },
  });
}

testAgainstPython([
  radamCase("as PyTorch's defaults", "[a, c, b], lr=0.05", { lr: 0.05 }),
  radamCase("with weight decay in the gradient", "[a, c, b], lr=0.05, weight_decay=0.1", {
    lr: 0.05,
    weightDecay: 0.1,
  }),
  radamCase(
    "with β, ε and a group of their own",
    `[{"params": [a, c, b], "lr": 0.02, "eps": 1e-3}], lr=1.0, betas=(0.8, 0.9)`,
    { lr: 1, betas: [0.8, 0.9] },
    { lr: 0.02, eps: 1e-3 },
  ),
]);

const gradients = [1, -0.5, 0.25, 0.8, 0.1, -0.3, 0.6, 0.4];

/** A parameter at 1 and its optimizer (spec recipes 4.1). */
function worked(options: Partial<RAdamOptions> = {}, start = 1) {
  const w = tensor([start], { dtype: "float64", requiresGrad: true });
  const optimizer = new RAdam([w], { lr: 1e-2, ...options });
  const step = (gradient: number) => {
    w.grad = tensor([gradient], { dtype: "float64" });
    optimizer.step();
    return w.item();
  };
  return { w, optimizer, step };
}

const oracles: { name: string; options: Partial<RAdamOptions>; expected: number[] }[] = [
  {
    name: "PyTorch's rule, the default",
    options: {},
    expected: [
      0.99, 0.9878947368, 0.9856438143, 0.9817211624, 0.9785122054, 0.9784289904, 0.9782798638, 0.9780812409,
    ],
  },
  {
    name: "the paper's threshold of 4",
    options: { rhoThreshold: 4 },
    expected: [
      0.99, 0.9878947368, 0.9856438143, 0.9817211624, 0.981632456, 0.9815492411, 0.9814001145, 0.9812014916,
    ],
  },
  {
    name: "the authors' default",
    options: { unrectified: "skip" },
    expected: [1, 1, 1, 1, 1, 0.9999167851, 0.9997676585, 0.9995690356],
  },
];
for (const { name, options, expected } of oracles)
  test(`the worked example of spec recipes 4.1: ${name}`, () => {
    const { step } = worked(options);
    for (const [i, gradient] of gradients.entries()) {
      const value = step(gradient);
      assert.ok(Math.abs(value - (expected[i] ?? 0)) < 6e-11, `step ${i + 1}: ${value}`);
    }
  });

test("decoupled decay shrinks by lr · λ where a step is taken, and l2 starts alike", () => {
  const shrunk = (options: Partial<RAdamOptions>, steps: number) => {
    const { step } = worked({ weightDecay: 0.1, ...options }, 2);
    return Array.from({ length: steps }, () => step(0));
  };
  const factor = 1 - 1e-2 * 0.1;
  const near = (actual: number | undefined, expected: number) =>
    assert.ok(Math.abs((actual ?? Number.NaN) - expected) < 1e-14, `${actual} is not ${expected}`);
  near(shrunk({ decay: "decoupled" }, 7)[6], 2 * factor ** 7);
  const skipping = shrunk({ decay: "decoupled", unrectified: "skip" }, 7);
  near(skipping[4], 2);
  near(skipping[6], 2 * factor ** 2);
  // The first moment is (1 − β1) · λ · p, its bias-corrected form λ · p: the same first step.
  near(shrunk({ decay: "l2" }, 1)[0], 2 * factor);
});

test("a loaded state goes on as if never interrupted, before the first rectified step and after it", () => {
  for (const stop of [2, 6]) {
    const whole = worked();
    const expected = gradients.map((gradient) => whole.step(gradient));
    const first = worked();
    for (const gradient of gradients.slice(0, stop)) first.step(gradient);
    const second = worked({}, first.w.item());
    second.optimizer.load(first.optimizer.state());
    const rest = gradients.slice(stop).map((gradient) => second.step(gradient));
    assert.deepEqual(rest, expected.slice(stop));
  }
});

test("the state has PyTorch's names; what does not fit is refused and changes nothing", () => {
  const { optimizer, step } = worked();
  step(1);
  const state = optimizer.state();
  assert.deepEqual([...state.keys()], ["step.0", "exp_avg.0", "exp_avg_sq.0"]);
  const refused = (entries: Record<string, Tensor>, message: RegExp) =>
    assert.throws(() => optimizer.load(new Map(Object.entries(entries))), { name: "TorchError", message });
  const one = tensor([1]);
  refused(
    { "momentum.0": one },
    /"momentum\.0" is not of this optimizer, which keeps step, exp_avg, exp_avg_sq/,
  );
  refused({ "exp_avg.1": one }, /"exp_avg\.1" belongs to none of the 1/);
  refused({ "step.0": one }, /step\.0: expected \[\], got \[1\]/);
  refused({ "exp_avg.0": one, "exp_avg_sq.0": one }, /"step\.0" is missing/);
  assert.equal(optimizer.state().get("step.0")?.item(), 1);
});

test("steps leave no tensors behind but the three of the state", () => {
  const { optimizer, step } = worked({ weightDecay: 0.1 });
  const { tensors } = memoryStats();
  for (let i = 0; i < 8; i++) scope(() => step(i));
  assert.equal(memoryStats().tensors, tensors + 3);
  optimizer.dispose();
  assert.equal(memoryStats().tensors, tensors);
});

test("settings out of range are refused", () => {
  const w = tensor([1], { requiresGrad: true });
  const refused = (options: object, message: RegExp) =>
    assert.throws(() => new RAdam([w], { lr: 1, ...options }), { name: "TorchError", message });
  refused({ lr: -1 }, /RAdam: lr must be at least 0, got -1/);
  refused({ eps: Number.NaN }, /eps must be at least 0, got NaN/);
  refused({ betas: [0.9, 1] }, /betas must be from 0 up to but not 1, got 1/);
  refused({ decay: "L2" }, /decay must be l2 or decoupled, got L2/);
  refused({ rhoThreshold: 6 }, /rhoThreshold must be 4 or 5, got 6/);
  refused({ unrectified: "sgd" }, /unrectified must be momentum or skip, got sgd/);
});
