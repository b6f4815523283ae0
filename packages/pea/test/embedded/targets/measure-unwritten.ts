/** Operators of TensorFlow Lite that others stand in the place of, and why: what runtimes make of them. */
import { encodeTflite } from "../../../src/export/tflite/encode.ts";
import type { TfliteModel, TfliteOperator } from "../../../src/export/tflite/model.ts";
import { lowerToTflite } from "../../../src/export/tflite/write-tflite.ts";
import { QuantizedBuilder, scaled } from "../../support/quantized-cases.ts";
import { fileInputs, interpretedBytes, type QuantizedRun, runOf } from "../../support/quantized-runs.ts";
import { runModels } from "../runtimes.ts";
import { verdictOf } from "./measure-operators.ts";
import type { UnwrittenRecord } from "./records.ts";

/** A layer, and the file with the operator of its name. */
interface Case {
  readonly name: string;
  readonly run: QuantizedRun;
  instead(model: TfliteModel): TfliteModel;
}

const cases: readonly Case[] = [
  { name: "MEAN of 2×2", run: mean(2), instead: withMean },
  { name: "MEAN of 7×7", run: mean(7), instead: withMean },
  { name: "FULLY_CONNECTED", run: gemm(false), instead: withFullyConnected },
  { name: "FULLY_CONNECTED, one scale for all weights", run: gemm(true), instead: withFullyConnected },
];

/** Runs each of them in both runtimes. */
export function measureUnwritten(): UnwrittenRecord[] {
  const written = cases.map(({ run }) => lowerToTflite(run.graph));
  const computed = runModels(
    cases.map(({ run, instead }, place) => ({
      model: encodeTflite(instead(written[place] as TfliteModel)),
      inputs: fileInputs(run),
    })),
  );
  return cases.map(({ name, run }, place) => {
    const expected = interpretedBytes(run);
    const { litert = "", micro = "" } = computed[place] ?? {};
    return {
      kind: "unwritten",
      name,
      written: written[place]?.operators.map(({ builtin }) => builtin) ?? [],
      litert: verdictOf(litert, expected),
      micro: verdictOf(micro, expected),
    };
  });
}

function mean(size: number): QuantizedRun {
  const builder = new QuantizedBuilder(["batch", 64, size, size], scaled(0.05, 3), 3);
  builder.node("GlobalAveragePool", ["x"]);
  return runOf("mean", builder.graph(), 16, 1);
}

function gemm(perTensor: boolean): QuantizedRun {
  const builder = new QuantizedBuilder(["batch", 64], scaled(0.05, 3), 4);
  builder.layer("Gemm", "x", [200, 64], { transB: 1 }, { perTensor });
  return runOf("gemm", builder.graph(), 64, 1);
}

function withMean(model: TfliteModel): TfliteModel {
  const [pool] = model.operators as readonly [TfliteOperator];
  const axes = { name: "axes", shape: [2], type: "int32", data: Int32Array.of(1, 2) } as const;
  const inputs = [...pool.inputs, model.tensors.length];
  return {
    ...model,
    tensors: [...model.tensors, axes],
    operators: [{ ...pool, builtin: "MEAN", inputs, options: { keep_dims: true } }],
  };
}

/** [out, 1, 1, in] as [out, in], read and written without the reshapes around it. */
function withFullyConnected(model: TfliteModel): TfliteModel {
  const layer = model.operators.find(({ builtin }) => builtin === "CONV_2D") as TfliteOperator;
  const [, weight = 0, bias = 0] = layer.inputs;
  const tensors = model.tensors.map((tensor, place) =>
    place === weight ? { ...tensor, shape: [tensor.shape[0] as number, tensor.shape[3] as number] } : tensor,
  );
  const operator: TfliteOperator = {
    builtin: "FULLY_CONNECTED",
    inputs: [model.inputs[0] as number, weight, bias],
    outputs: model.outputs,
    options: { fused_activation_function: 0 },
  };
  return { ...model, tensors, operators: [operator] };
}
