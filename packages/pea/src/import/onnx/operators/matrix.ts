/** Products of matrices. */
import type { Converter } from "./converter.ts";

const Gemm: Converter = (node) =>
  node.result("Gemm", [node.input(0), node.input(1), node.optionalInput(2)], {
    transA: node.number("transA") ?? 0,
    transB: node.number("transB") ?? 0,
    alpha: node.number("alpha") ?? 1,
    beta: node.number("beta") ?? 1,
  });

export const matrix: Readonly<Record<string, Converter>> = {
  Gemm,
  MatMul: (node) => node.result("MatMul", [node.input(0), node.input(1)]),
};
