/**
 * Numbers of TensorFlow Lite's schema: the codes of operators and types, and where fields stand in their tables.
 *
 * @module
 */
/** What a tensor's elements are. */
export type ElementType = "float32" | "int8" | "uint8" | "int16" | "int32" | "int64";

/** Codes of the types of elements. */
export const elementTypes: Readonly<Record<ElementType, number>> = {
  float32: 0,
  int32: 2,
  uint8: 3,
  int64: 4,
  int16: 7,
  int8: 9,
};

/** Codes of paddings. */
export const paddings = { SAME: 0, VALID: 1 } as const;

/** Codes of fused activations. */
export const fusedActivations = { none: 0, relu: 1, relu6: 3 } as const;

/** How a field of options is kept. */
export interface OptionField {
  readonly slot: number;
  readonly kind: "byte" | "int" | "float" | "bool" | "ints";
  /** What stands for it where it is left out of the file. */
  readonly absent?: number;
}

/** An operator: its code, and the table of its options. */
interface BuiltinForm {
  readonly code: number;
  readonly options: OptionsForm;
}

/** A table of options: its code among those of the union, and its fields. */
interface OptionsForm {
  readonly code: number;
  readonly fields: Readonly<Record<string, OptionField>>;
}

const options = (code: number, ...fields: readonly (readonly [string, OptionField["kind"], number?])[]) => ({
  code,
  fields: Object.fromEntries(fields.map(([name, kind, absent], slot) => [name, { slot, kind, absent }])),
});

const window = [
  ["padding", "byte"],
  ["stride_w", "int"],
  ["stride_h", "int"],
] as const;
const fused = ["fused_activation_function", "byte"] as const;
const dilation = [
  ["dilation_w_factor", "int", 1],
  ["dilation_h_factor", "int", 1],
] as const;

const pool = options(5, ...window, ["filter_width", "int"], ["filter_height", "int"], fused);
const sum = (code: number) => options(code, fused, ["pot_scale_int16", "bool", 1]);
const sampling = [
  ["align_corners", "bool"],
  ["half_pixel_centers", "bool"],
] as const;

/** The operators that are written. */
export const builtins = {
  ADD: { code: 0, options: sum(11) },
  AVERAGE_POOL_2D: { code: 1, options: pool },
  CONCATENATION: { code: 2, options: options(10, ["axis", "int"], fused) },
  CONV_2D: { code: 3, options: options(1, ...window, fused, ...dilation) },
  DEPTHWISE_CONV_2D: {
    code: 4,
    options: options(2, ...window, ["depth_multiplier", "int"], fused, ...dilation),
  },
  DEQUANTIZE: { code: 6, options: options(38) },
  LOGISTIC: { code: 14, options: { code: 0, fields: {} } },
  MAX_POOL_2D: { code: 17, options: pool },
  MUL: { code: 18, options: options(21, fused) },
  RELU: { code: 19, options: { code: 0, fields: {} } },
  RELU6: { code: 21, options: { code: 0, fields: {} } },
  RESHAPE: { code: 22, options: options(17, ["new_shape", "ints"]) },
  // Its first two fields are no longer used.
  RESIZE_BILINEAR: {
    code: 23,
    options: options(15, ["new_height", "int"], ["new_width", "int"], ...sampling),
  },
  PAD: { code: 34, options: options(22) },
  TRANSPOSE: { code: 39, options: options(26) },
  SUB: { code: 41, options: sum(28) },
  STRIDED_SLICE: { code: 45, options: options(32) },
  PADV2: { code: 60, options: options(43) },
  SLICE: { code: 65, options: options(48) },
  TRANSPOSE_CONV: { code: 67, options: options(49, ...window, fused) },
  RESIZE_NEAREST_NEIGHBOR: { code: 97, options: options(74, ...sampling) },
  LEAKY_RELU: { code: 98, options: options(75, ["alpha", "float"]) },
  QUANTIZE: { code: 114, options: options(89) },
  HARD_SWISH: { code: 117, options: options(91) },
  // No network leaves with these: they stand in files that activations are compared by, or, the first two, operators.
  FULLY_CONNECTED: { code: 9, options: options(8, fused) },
  MEAN: { code: 40, options: options(27, ["keep_dims", "bool"]) },
  TANH: { code: 28, options: { code: 0, fields: {} } },
  EXP: { code: 47, options: options(33) },
  LOG: { code: 73, options: { code: 0, fields: {} } },
  GELU: { code: 150, options: options(116, ["approximate", "bool"]) },
} as const satisfies Record<string, BuiltinForm>;

/** An operator's name. */
export type Builtin = keyof typeof builtins;

/** The form of an operator. */
export const formOf = (builtin: Builtin): BuiltinForm => builtins[builtin];

/** Places of fields in the schema's tables; a union takes two, its kind and its table. */
export const slots = {
  model: { count: 8, version: 0, operatorCodes: 1, subgraphs: 2, description: 3, buffers: 4, metadata: 6 },
  operatorCode: { count: 4, shortCode: 0, version: 2, code: 3 },
  subgraph: { count: 5, tensors: 0, inputs: 1, outputs: 2, operators: 3, name: 4 },
  tensor: { count: 9, shape: 0, type: 1, buffer: 2, name: 3, quantization: 4, hasRank: 8 },
  quantization: { count: 7, scale: 2, zeroPoint: 3, axis: 6 },
  operator: { count: 5, code: 0, inputs: 1, outputs: 2, optionsKind: 3, options: 4 },
  buffer: { count: 1, data: 0 },
  metadata: { count: 2, name: 0, buffer: 1 },
} as const;

/** What operators' codes from here on are, where a byte is kept for them. */
export const longCodes = 127;

/** Version of the schema. */
export const schemaVersion = 3;

/** The four letters that files of this kind have behind their first offset. */
export const fileIdentifier = "TFL3";
