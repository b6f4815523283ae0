import type { Converter } from "./converter.ts";

export const matrix: Record<string, Converter> = {
  "aten::linear": (op) => {
    const [input, weight, bias] = [op.tensor("input"), op.tensor("weight"), op.optionalTensor("bias")];
    if (op.shape(input).length === 2) return op.node("Gemm", [input, weight, bias], { transB: 1 });
    const turned = op.node("Transpose", [weight], { perm: [1, 0] });
    const product = op.node("MatMul", [input, turned]);
    return bias === "" ? product : op.node("Add", [product, bias]);
  },
  "aten::matmul": (op) => op.node("MatMul", [op.tensor("self"), op.tensor("other")]),
};
