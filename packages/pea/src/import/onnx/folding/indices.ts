/** Row-major places of elements. */
import { PeaError } from "@pea/core";
import { broadcast, elementsOf } from "@pea/graph";

/** Steps between neighbours along each axis. */
export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementsOf(shape.slice(axis + 1)));
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
export function stretchedShape(shapes: readonly (readonly number[])[]): readonly number[] {
  const shape = broadcast(shapes);
  if (shape !== undefined) return shape as readonly number[];
  throw new PeaError(`tensors of ${shapes.map((each) => each.join("×")).join(" and ")} do not fit`, {
    kind: "usage",
  });
}

/** For each element of `shape` in order: its place in a tensor of these steps, which begins at `start`. */
export function placesOf(shape: readonly number[], strides: readonly number[], start = 0): Int32Array {
  const places = new Int32Array(elementsOf(shape));
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
