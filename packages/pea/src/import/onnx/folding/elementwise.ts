/** Element by element, of known tensors. */

import { elementTypes } from "../../../onnx-file/model.ts";
import type { FileNode } from "../file-node.ts";
import { type Kind, type KnownTensor, kindOf, typeName } from "../known-tensor.ts";
import { compare, fixed, isOpen, type Length, minus, over, plus, times } from "../length.ts";
import { type Folder, made } from "./folder.ts";
import { placesOf, stretchedShape, stretchedStrides } from "./indices.ts";

type Binary = (a: Length, b: Length, kind: Kind) => Length;

/** Of two tensors and more, one after the other. */
const binary =
  (compute: Binary, kind?: Kind): Folder =>
  (node, inputs) => [
    inputs.reduce((a, b) => {
      const shape = stretchedShape([a.shape, b.shape]);
      const count = node.bounded(shape);
      const left = placesOf(shape, stretchedStrides(a.shape, shape));
      const right = placesOf(shape, stretchedStrides(b.shape, shape));
      const isPlain = [a, b].every(({ values }) => values instanceof Float32Array);
      const values: Length[] | Float32Array = isPlain ? new Float32Array(count) : new Array<Length>(count);
      for (let i = 0; i < count; i++)
        values[i] = compute(
          a.values[left[i] as number] as Length,
          b.values[right[i] as number] as Length,
          a.kind,
        );
      return made(kind ?? a.kind, shape, values);
    }),
  ];

const unary =
  (compute: (value: number) => number): Folder =>
  (_, [{ kind, shape, values }]) => [
    made(
      kind,
      shape,
      values instanceof Float32Array ? values.map(compute) : values.map((value) => compute(fixed(value))),
    ),
  ];

const truth = (value: boolean): number => (value ? 1 : 0);
const onNumbers =
  (compute: (a: number, b: number) => number): Binary =>
  (a, b) =>
    compute(fixed(a), fixed(b));

/** What remains has the divisor's sign, or with `fmod` the dividend's. */
const remainder = (node: FileNode): Binary =>
  onNumbers((a, b) => (node.number("fmod") === 1 ? a % b : a - b * Math.floor(a / b)));

/** To another type. */
function cast({ kind, shape, values, key }: KnownTensor, to: Kind): KnownTensor {
  if (kind === to) return { kind, shape, values, key };
  const cut = (value: Length): Length => {
    if (isOpen(value)) return value;
    if (to === "boolean") return truth(value !== 0);
    return to === "integer" ? Math.trunc(value as number) : value;
  };
  return made(to, shape, Array.from(values, cut));
}

const castTo = (node: FileNode): Kind => {
  const type = node.number("to") ?? elementTypes.float;
  return kindOf(type) ?? node.refuse(`it makes elements of ${typeName(type)}`);
};

/** The first of the second and third where the first input is true, else the other. */
const where: Folder = (node, [condition, yes, no]) => {
  if (yes === undefined || no === undefined) return node.refuse("it needs three inputs");
  const shape = stretchedShape([condition.shape, yes.shape, no.shape]);
  node.bounded(shape);
  const places = [condition, yes, no].map((each) => placesOf(shape, stretchedStrides(each.shape, shape)));
  const at = (each: KnownTensor, which: number, i: number) =>
    each.values[places[which]?.[i] as number] as Length;
  const values = Array.from(places[0] as Int32Array, (_, i) =>
    at(condition, 0, i) !== 0 ? at(yes, 1, i) : at(no, 2, i),
  );
  return [made(yes.kind, shape, values)];
};

/** Between bounds, either of which may be left out. */
const clip: Folder = (node, [x]) => {
  const [min, max] = [node.number("min") ?? -Infinity, node.number("max") ?? Infinity];
  const bounded = (value: Length) => Math.min(Math.max(fixed(value), min), max);
  return [made(x.kind, x.shape, Array.from(x.values, bounded))];
};

const same: Folder = (_, [x]) => [x];

export const elementwise: Readonly<Record<string, Folder>> = {
  Add: binary(plus),
  Sub: binary(minus),
  Mul: binary(times),
  Div: binary((a, b, kind) => over(a, b, kind === "integer")),
  Mod: (node, inputs) => binary(remainder(node))(node, inputs),
  Pow: binary(onNumbers((a, b) => a ** b)),
  Min: binary((a, b) => (compare(a, b) < 0 ? a : b)),
  Max: binary((a, b) => (compare(a, b) > 0 ? a : b)),
  Equal: binary((a, b) => truth(compare(a, b) === 0), "boolean"),
  Less: binary((a, b) => truth(compare(a, b) < 0), "boolean"),
  LessOrEqual: binary((a, b) => truth(compare(a, b) <= 0), "boolean"),
  Greater: binary((a, b) => truth(compare(a, b) > 0), "boolean"),
  GreaterOrEqual: binary((a, b) => truth(compare(a, b) >= 0), "boolean"),
  And: binary(onNumbers((a, b) => truth(a !== 0 && b !== 0))),
  Or: binary(onNumbers((a, b) => truth(a !== 0 || b !== 0))),
  Not: unary((a) => truth(a === 0)),
  Clip: clip,
  Relu: unary((a) => Math.max(a, 0)),
  Neg: (_, [x]) => [
    made(
      x.kind,
      x.shape,
      Array.from(x.values, (value: Length) => times(value, -1)),
    ),
  ],
  Abs: unary(Math.abs),
  Sign: unary(Math.sign),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Reciprocal: unary((a) => 1 / a),
  Ceil: unary(Math.ceil),
  Floor: unary(Math.floor),
  Round: unary((a) => (Math.abs(a % 1) === 0.5 ? 2 * Math.round(a / 2) : Math.round(a))),
  Identity: (node, [x]) => {
    // The earlier exporter of PyTorch gives each of a file's equal tensors its own key so.
    const own = node.outputs[0] ?? "";
    return [{ ...x, key: own.includes(".") && !own.startsWith("/") ? own : x.key }];
  },
  Dropout: same,
  Cast: (node, [x]) => [cast(x, castTo(node))],
  CastLike: (_, [x, like]) => [cast(x, like?.kind ?? "float")],
  Where: where,
};

/** To the type of what the network computes, which is float32. */
export const castLikeComputed = (x: KnownTensor): KnownTensor => cast(x, "float");
