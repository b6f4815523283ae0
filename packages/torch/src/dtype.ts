/** Element types, by PyTorch's names. */
export type DType =
  | "float32"
  | "float64"
  | "bfloat16"
  | "float16"
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "uint8"
  | "bool";

export const isFloatingPoint = (dtype: DType): boolean => dtype.startsWith("float") || dtype === "bfloat16";

/** How the dimensions of an N×C×H×W tensor lie in memory. */
export type MemoryFormat = "contiguous" | "channels_last";
