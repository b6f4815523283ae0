/** Padding: the file knows two kinds, all others are an operator of their own. */
import type { Window } from "@pea/graph";
import { paddings } from "../schema.ts";
import type { Lowering } from "./lowering.ts";

/** Which of the file's paddings windows have; undefined where it is neither. */
export function paddingOf(
  windows: readonly [Window, Window],
  sizes: readonly [number, number],
  counts: readonly [number, number],
): number | undefined {
  const isAll = (fits: (window: Window, size: number, count: number) => boolean) =>
    windows.every((window, axis) => fits(window, sizes[axis] as number, counts[axis] as number));
  if (isAll(isValid)) return paddings.VALID;
  return isAll(isSame) ? paddings.SAME : undefined;
}

const span = ({ kernel, dilation }: Window): number => dilation * (kernel - 1) + 1;

/** Only windows that lie within the input. */
function isValid(window: Window, size: number, count: number): boolean {
  const { stride, before } = window;
  return before === 0 && count === Math.ceil((size - span(window) + 1) / stride);
}

/** As many windows as strides fit, with the padding that they need, half of it before, rounded down. */
function isSame(window: Window, size: number, count: number): boolean {
  const { stride, before } = window;
  const needed = Math.max(0, (count - 1) * stride + span(window) - size);
  return count === Math.ceil(size / stride) && before === Math.floor(needed / 2);
}

/** An image [N, H, W, C] with these elements before and after its height and width; zero points, or another integer. */
export function padded(
  lowering: Lowering,
  image: number,
  [rows, columns]: readonly [readonly [number, number], readonly [number, number]],
  filling?: number,
): number {
  const [count = 1, height = 1, width = 1, channels = 1] = lowering.tensors[image]?.shape ?? [];
  const shape = [count, height + rows[0] + rows[1], width + columns[0] + columns[1], channels];
  const result = lowering.between(image, shape, "padded");
  const pads = lowering.setting("paddings", [0, 0, ...rows, ...columns, 0, 0], [4, 2]);
  if (filling === undefined) {
    lowering.emit("PAD", [image, pads], [result]);
    return result;
  }
  const like = lowering.tensors[image];
  const value = lowering.add({
    name: "filling",
    shape: [],
    type: like?.type ?? "int8",
    ...(like?.quantization && { quantization: like.quantization }),
    data: like?.type === "int16" ? Int16Array.of(filling) : Int8Array.of(filling),
  });
  lowering.emit("PADV2", [image, pads, value], [result]);
  return result;
}

/** What must be around an input for all windows to lie within it: after it at least what the last one reaches. */
export function around(window: Window, size: number, count: number): readonly [number, number] {
  const reach = (count - 1) * window.stride + span(window);
  return [window.before, Math.max(0, reach - size - window.before)];
}
