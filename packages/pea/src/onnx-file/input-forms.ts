/**
 * What ONNX takes as a constant input, and the graph as an attribute: where, and from which opset on. Below it, ONNX takes
 * it as an attribute too.
 *
 * @module
 */

/** How one attribute is written. */
export interface InputForm {
  readonly attribute: string;
  /** Place among the node's inputs. */
  readonly place: number;
  /** The first opset that wants it there; by default all. */
  readonly since?: number;
  readonly type: "integers" | "floats" | "float";
}

const forms: Readonly<Record<string, readonly InputForm[]>> = {
  Clip: [
    { attribute: "min", place: 1, type: "float" },
    { attribute: "max", place: 2, type: "float" },
  ],
  Expand: [{ attribute: "shape", place: 1, type: "integers" }],
  Pad: [
    { attribute: "pads", place: 1, since: 11, type: "integers" },
    { attribute: "value", place: 2, since: 11, type: "float" },
  ],
  ReduceMax: [{ attribute: "axes", place: 1, since: 18, type: "integers" }],
  ReduceMean: [{ attribute: "axes", place: 1, since: 18, type: "integers" }],
  ReduceSum: [{ attribute: "axes", place: 1, since: 13, type: "integers" }],
  Reshape: [{ attribute: "shape", place: 1, type: "integers" }],
  Resize: [{ attribute: "scales", place: 2, type: "floats" }],
  Slice: ["starts", "ends", "axes", "steps"].map((attribute, i) => ({
    attribute,
    place: i + 1,
    type: "integers",
  })),
  Split: [{ attribute: "split", place: 1, since: 13, type: "integers" }],
  Squeeze: [{ attribute: "axes", place: 1, since: 13, type: "integers" }],
  Unsqueeze: [{ attribute: "axes", place: 1, since: 13, type: "integers" }],
};

/** The attributes of an operator that are inputs in files of an opset. */
export function inputForms(operator: string, opset: number): readonly InputForm[] {
  return (forms[operator] ?? []).filter(({ since = 1 }) => opset >= since);
}
