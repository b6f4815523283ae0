import type { Shape, Size } from "@pea/graph";

/** The shape that several are stretched to along axes of length 1; undefined where they do not fit. */
export function broadcast(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(...shapes.map(({ length }) => length));
  const sizes = Array.from({ length: rank }, (_, axis): Size | undefined => {
    const own = shapes.map((shape) => shape[axis - (rank - shape.length)] ?? 1);
    const size = own.find((each) => each !== 1) ?? 1;
    return own.every((each) => each === 1 || each === size) ? size : undefined;
  });
  return sizes.every((size) => size !== undefined) ? (sizes as Shape) : undefined;
}
