import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

/** Runs a program of its own, because the kernels are loaded once per process. */
function evaluate(program: string, environment: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=pea-source", "--import", "tsx", "--input-type=module", "-e", program],
    { encoding: "utf8", env: { ...process.env, ...environment }, cwd: import.meta.dirname },
  );
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

test("PEA_KERNELS=off leaves convolutions, batch norm, max pooling and SGD on plain operators", () => {
  const program = `
    import { useKernels } from "@pea/kernels";
    import { BatchNorm2d, backward, Conv2d, contiguous, MaxPool2d, randn, recordCalls, SGD, sum } from "@pea/torch";
    useKernels();
    const layer = new BatchNorm2d(32);
    const x = contiguous(randn([2, 32, 16, 16]), { memoryFormat: "channels_last" });
    x.requiresGrad = true;
    const convolved = new Conv2d(32, 32, 3, { padding: 1 }).forward(x);
    backward(sum(new MaxPool2d(2).forward(layer.forward(convolved))), { createGraph: true });
    // The operators of the kernels have no second derivative.
    backward(sum(x.grad));
    const names = [];
    recordCalls(({ name }) => names.push(name), () => new SGD(layer.parameters(), { lr: 1 }).step());
    console.log(names.join());`;
  assert.equal(evaluate(program, { PEA_KERNELS: "off" }), "aten::_foreach_add_.List");
});

test("PEA_KERNELS=off runs the ensemble on plain operators", () => {
  const program = `
    import { ensembleAct, loadKernels } from "@pea/kernels";
    import { recordCalls, tensor } from "@pea/torch";
    const names = [];
    const options = { ensemble: "stochastic", smooth: "mish", alpha: 0.5 };
    recordCalls(({ name }) => names.push(name), () => ensembleAct(tensor([1, 2]), options));
    console.log(loadKernels(), names.some((name) => name.startsWith("pea::")), names.includes("aten::mish"));`;
  assert.equal(evaluate(program, { PEA_KERNELS: "off" }), "false false true");
});

test("another value of PEA_KERNELS than on or off is refused", () => {
  const program = `
    import { loadKernels } from "@pea/kernels";
    try { loadKernels(); } catch (error) { console.log(error.message); }`;
  assert.equal(evaluate(program, { PEA_KERNELS: "of" }), 'PEA_KERNELS must be on or off, not "of"');
});
