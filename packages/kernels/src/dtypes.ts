import type { DType } from "@pea/torch";

/** The dtype of a layer's parameters, which is also that of its sums, by that of its images. */
export const parameterDtypes: Partial<Record<DType, DType>> = {
  float32: "float32",
  bfloat16: "float32",
  float64: "float64",
};
