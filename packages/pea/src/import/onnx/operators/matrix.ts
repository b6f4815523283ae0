/** Products of matrices. */
import type { Converter } from "./converter.ts";

const Gemm: Converter = (node) => {
  const bias = node.known(2);
  // A bias is a row; files have it as [1, n] too.
  const isRow = bias !== undefined && bias.shape.length === 2 && bias.shape[0] === 1;
  const row = isRow ? node.constant("bias", { ...bias, shape: [bias.values.length] }) : node.optionalInput(2);
  node.result("Gemm", [node.input(0), node.input(1), row], {
    transA: node.number("transA") ?? 0,
    transB: node.number("transB") ?? 0,
    alpha: node.number("alpha") ?? 1,
    beta: node.number("beta") ?? 1,
  });
};

export const matrix: Readonly<Record<string, Converter>> = {
  Gemm,
  MatMul: (node) => node.result("MatMul", [node.input(0), node.input(1)]),
};
