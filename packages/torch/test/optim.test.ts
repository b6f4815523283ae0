import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  BatchNormAct2d,
  backward,
  Conv2d,
  call,
  clone,
  crossEntropyLoss,
  detach,
  Flatten,
  Linear,
  Module,
  memoryStats,
  mul,
  ReLU,
  randn,
  SGD,
  type SGDForm,
  type SGDGroup,
  type SGDOptions,
  scope,
  sum,
  type Tensor,
  tensor,
} from "@pea/torch";
import { fill, oracleCase, testAgainstPython } from "./oracle.ts";

/** Four steps on a³ + sin(b · step) with a falling learning rate; c never has a gradient. */
function sgdCase(name: string, python: string, options: SGDOptions, groupOptions: Partial<SGDOptions> = {}) {
  return oracleCase({
    name,
    inputs: { p: [3, 4], q: [5] },
    python: `a, b, c = (z.detach().clone().requires_grad_() for z in (p, q, q))
o = torch.optim.SGD(${python})
for step in range(4):
    o.zero_grad()
    (a.pow(3).sum() + (b * (step + 1)).sin().sum()).backward()
    o.step()
    for g in o.param_groups: g["lr"] *= 0.5
output = [a.detach(), b.detach(), c.detach()]`,
    run: ({ p, q }) => {
      const [a, b, c] = [p, q, q].map((z) => {
        const parameter = clone(detach(z));
        parameter.requiresGrad = true;
        return parameter;
      }) as [Tensor, Tensor, Tensor];
      const groups: SGDGroup[] = [{ parameters: [a, c] }, { parameters: [b], ...groupOptions }];
      const optimizer = new SGD(groups, options);
      for (let step = 0; step < 4; step++) {
        optimizer.zeroGrad();
        backward(sum(mul(mul(a, a), a)));
        backward(sum(call("aten::sin", mul(b, step + 1))));
        optimizer.step();
        for (const group of optimizer.groups) group.lr *= 0.5;
      }
      return [a, b, c].map((parameter) => detach(parameter));
    },
  });
}

class SmallNet extends Module {
  readonly conv1 = new Conv2d(2, 4, 3, { padding: 1, bias: false });
  readonly bn1: BatchNormAct2d = new BatchNormAct2d(4, { activation: () => this.relu1 });
  readonly conv2 = new Conv2d(4, 4, 3, { padding: 1, bias: false });
  readonly bn2: BatchNormAct2d = new BatchNormAct2d(4, { activation: () => this.relu2 });
  readonly fc = new Linear(4, 3);
  readonly relu1 = new ReLU();
  readonly relu2 = new ReLU();
  readonly pool = new AdaptiveAvgPool2d(1);
  readonly flatten = new Flatten();

  forward(x: Tensor): Tensor {
    const stem = this.bn1.forward(this.conv1.forward(x));
    const block = this.bn2.forward(this.conv2.forward(stem), stem);
    return this.fc.forward(this.flatten.forward(this.pool.forward(block)));
  }
}

testAgainstPython([
  sgdCase("plain", "[a, b, c], lr=0.05", { lr: 0.05 }),
  sgdCase("momentum and weight decay", "[a, b, c], lr=0.05, momentum=0.9, weight_decay=0.01", {
    lr: 0.05,
    momentum: 0.9,
    weightDecay: 0.01,
  }),
  sgdCase(
    "Nesterov, and groups of their own",
    `[{"params": [a, c]}, {"params": [b], "lr": 0.02, "weight_decay": 0.0}],
                    lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1`,
    { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.1 },
    { lr: 0.02, weightDecay: 0 },
  ),
  oracleCase({
    name: "three training steps of a small residual network",
    inputs: { x: [6, 2, 7, 7], y: { shape: [6], classes: 3 } },
    python: `
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        stem = F.relu(self.bn1(self.conv1(x)))
        block = F.relu(self.bn2(self.conv2(stem)) + stem)
        return self.fc(block.mean((2, 3)))

net = fill(Net())
decayed = [p for p in net.parameters() if p.dim() > 1]
others = [p for p in net.parameters() if p.dim() == 1]
o = torch.optim.SGD([{"params": decayed, "weight_decay": 0.01}, {"params": others}], lr=0.1, momentum=0.9)
losses = []
for _ in range(3):
    o.zero_grad()
    loss = F.cross_entropy(net(x.detach()), y, label_smoothing=0.1)
    loss.backward()
    o.step()
    losses.append(loss.detach())
output = [*losses, *(v.detach() for v in net.state_dict().values())]`,
    run: ({ x, y }, dtype) => {
      const net = fill(new SmallNet(), dtype);
      const decayed = net.parameters().filter((parameter) => parameter.ndim > 1);
      const others = net.parameters().filter((parameter) => parameter.ndim === 1);
      const groups = [{ parameters: decayed, weightDecay: 0.01 }, { parameters: others }];
      const optimizer = new SGD(groups, { lr: 0.1, momentum: 0.9 });
      const losses = [1, 2, 3].map(() => {
        optimizer.zeroGrad();
        const loss = crossEntropyLoss(net.forward(detach(x)), y, { labelSmoothing: 0.1 });
        backward(loss);
        optimizer.step();
        return detach(loss);
      });
      return [...losses, ...[...net.stateDict().values()].map((value) => detach(value))];
    },
  }),
]);

/** One parameter at 1 whose gradient is itself: the worked example of the specification. */
function quadratic(start = 1, options: { form?: SGDForm; nesterov?: boolean } = {}) {
  const w = tensor([start], { dtype: "float64", requiresGrad: true });
  const optimizer = new SGD([w], { lr: 0.1, momentum: 0.9, ...options });
  const step = () =>
    scope(() => {
      optimizer.zeroGrad();
      backward(mul(sum(mul(w, w)), 0.5));
      optimizer.step();
      return w.item();
    });
  return { w, optimizer, step };
}

function setLearningRate(optimizer: SGD, lr: number): void {
  for (const group of optimizer.groups) group.lr = lr;
}

/** Three steps at 0.1 and three at 0.01 (spec recipes 4.2). */
const falls: Record<SGDForm, number[]> = {
  pytorch: [0.9, 0.72, 0.486, 0.46008, 0.4321512, 0.402693768],
  keras: [0.9, 0.72, 0.486, 0.27054, 0.0739206, -0.103776066],
};
for (const [form, expected] of Object.entries(falls))
  test(`a change of learning rate and the momentum's past, in the form of ${form}`, () => {
    const { optimizer, step } = quadratic(1, { form: form as SGDForm });
    const trace = [step(), step(), step()];
    setLearningRate(optimizer, 0.01);
    trace.push(step(), step(), step());
    for (const [i, value] of trace.entries())
      assert.ok(Math.abs(value - (expected[i] ?? 0)) < 1e-12, `step ${i}`);
  });

test("Nesterov's momentum in Keras' form: p ← p + μ · v − lr · g, also at a learning rate of 0", () => {
  const { optimizer, step } = quadratic(1, { form: "keras", nesterov: true });
  let [p, v] = [1, 0];
  for (const lr of [0, 0.1, 0.1, 0.03, 0, 0.2]) {
    setLearningRate(optimizer, lr);
    const g = p;
    v = 0.9 * v - lr * g;
    p += 0.9 * v - lr * g;
    assert.ok(Math.abs(step() - p) < 1e-14, `lr ${lr}`);
  }
});

test("Keras' form decays as it does: w ← w · (1 − lr · weightDecay) at a gradient of 0", () => {
  const w = tensor([2], { dtype: "float64", requiresGrad: true });
  w.grad = tensor([0], { dtype: "float64" });
  new SGD([w], { lr: 0.1, momentum: 0.9, weightDecay: 2e-4, form: "keras" }).step();
  assert.ok(Math.abs(w.item() - 2 * (1 - 0.1 * 2e-4)) < 1e-15);
});

test("the state of one form is refused by the other", () => {
  const [pytorch, keras] = [quadratic(), quadratic(1, { form: "keras" })];
  pytorch.step();
  keras.step();
  assert.throws(
    () => keras.optimizer.load(pytorch.optimizer.state()),
    /"momentum\.0" is not of this optimizer, which keeps velocity/,
  );
  assert.throws(() => pytorch.optimizer.load(keras.optimizer.state()), /"velocity\.0" is not of this/);
});

test("a loaded state goes on as if never interrupted", () => {
  const first = quadratic();
  first.step();
  first.step();
  const second = quadratic(first.w.item());
  second.optimizer.load(first.optimizer.state());
  assert.deepEqual([second.step(), second.step()], [first.step(), first.step()]);
});

test("state is named by position; what does not fit is refused and changes nothing", () => {
  const { optimizer, step } = quadratic();
  assert.equal(optimizer.state().size, 0);
  step();
  assert.deepEqual([...optimizer.state().keys()], ["momentum.0"]);
  const before = optimizer.state().get("momentum.0")?.item();
  assert.throws(
    () => optimizer.load(new Map([["momentum.1", randn([1])]])),
    /"momentum\.1" belongs to none of the 1/,
  );
  assert.throws(() => optimizer.load(new Map([["momentum.0", randn([2])]])), /expected \[1\], got \[2\]/);
  assert.equal(optimizer.state().get("momentum.0")?.item(), before);
});

test("a parameter without a gradient is left alone", () => {
  const [a, b] = [tensor([1], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
  const optimizer = new SGD([a, b], { lr: 0.5, momentum: 0.9, weightDecay: 0.1 });
  backward(sum(a));
  optimizer.step();
  assert.ok(a.item() < 1);
  assert.equal(b.item(), 1);
  optimizer.zeroGrad();
  assert.equal(a.grad, null);
});

test("steps leave no tensors behind but the momentum", () => {
  const net = new BatchNorm2d(2);
  const optimizer = new SGD(net.parameters(), { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1 });
  const x = randn([2, 2, 3, 3]);
  const { tensors } = memoryStats();
  for (let i = 0; i < 3; i++) {
    scope(() => backward(sum(net.forward(x))));
    optimizer.step();
    optimizer.zeroGrad();
  }
  assert.equal(memoryStats().tensors, tensors + 2);
  optimizer.dispose();
  assert.equal(memoryStats().tensors, tensors);
});

test("settings out of range are refused", () => {
  const w = tensor([1], { requiresGrad: true });
  const refused = (body: () => SGD, message: RegExp) => assert.throws(body, { name: "TorchError", message });
  refused(() => new SGD([w], { lr: -1 }), /SGD: lr must be at least 0, got -1/);
  refused(() => new SGD([w], { lr: Number.NaN }), /lr must be at least 0, got NaN/);
  refused(() => new SGD([w], { lr: 1, momentum: -0.1 }), /momentum must be at least 0, got -0.1/);
  refused(() => new SGD([w], { lr: 1, nesterov: true }), /nesterov needs a momentum/);
  refused(() => new SGD([], { lr: 1 }), /no parameters/);
  refused(() => new SGD([w, w], { lr: 1 }), /the same parameter twice/);
  refused(() => new SGD([w, { parameters: [w] }] as Tensor[], { lr: 1 }), /not both in one list/);
});
