/** Row-major places of elements. */
import { PeaError } from "@pea/core";
import { countOf } from "../known-tensor.ts";

/** Steps between neighbours along each axis. */
export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => countOf(shape.slice(axis + 1)));
}

/** The steps in a tensor that is stretched to `shape`: none along the axes that it lacks or has one element of. */
export function stretchedStrides(from: readonly number[], shape: readonly number[]): number[] {
  const strides = stridesOf(from);
  const missing = shape.length - from.length;
  return shape.map((_, axis) =>
    axis < missing || from[axis - missing] === 1 ? 0 : (strides[axis - missing] as number),
  );
}

/** The shape that several are stretched to. */
export function stretchedShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - (rank - shape.length)] ?? 1);
    const size = sizes.find((each) => each !== 1) ?? 1;
    if (sizes.every((each) => each === 1 || each === size)) return size;
    throw new PeaError(`tensors of ${shapes.map((shape) => shape.join("×")).join(" and ")} do not fit`, {
      kind: "usage",
    });
  });
}

/** For each element of `shape` in order: its place in a tensor of these steps, which begins at `start`. */
export function placesOf(shape: readonly number[], strides: readonly number[], start = 0): Int32Array {
  const places = new Int32Array(countOf(shape));
  const index = shape.map(() => 0);
  let place = start;
  for (let i = 0; i < places.length; i++) {
    places[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      place -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return places;
}
