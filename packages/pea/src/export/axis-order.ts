/**
 * In which order the axes of a value lie in a file. TensorFlow Lite keeps the channels of an image last, the graph second;
 * so an order lists, for each axis in the file, the axis of the graph that it is: an image's is [0, 2, 3, 1].
 *
 * @module
 */
import { elementsOf, type TensorData } from "@pea/graph";

/** For each axis in the file the axis in the graph. */
export type AxisOrder = readonly number[];

/** Channels last, of images and other tensors of three axes or more. */
export function channelsLast(rank: number): AxisOrder {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return rank < 3 ? axes : [0, ...axes.slice(2), 1];
}

/** Sizes as they lie in the file. */
export function inOrder(sizes: readonly number[], order: AxisOrder): number[] {
  return order.map((axis) => sizes[axis] as number);
}

/** Whether elements lie in the same order, which axes of length 1 do not change. */
export function isSameOrder(sizes: readonly number[], a: AxisOrder, b: AxisOrder): boolean {
  const long = (order: AxisOrder) => String(order.filter((axis) => sizes[axis] !== 1));
  return long(a) === long(b);
}

/** Elements of a tensor with its axes in another order. */
export function turned(data: TensorData, sizes: readonly number[], order: AxisOrder): TensorData {
  if (isSameOrder(sizes, order, [...sizes.keys()])) return data;
  const steps = sizes.map((_, axis) => elementsOf(sizes.slice(axis + 1)));
  const target = inOrder(sizes, order);
  const result = data.slice() as Int8Array;
  const from = data as Int8Array;
  for (let i = 0; i < result.length; i++) {
    let [rest, place] = [i, 0];
    for (let axis = target.length - 1; axis >= 0; axis--) {
      const size = target[axis] as number;
      place += (rest % size) * (steps[order[axis] as number] as number);
      rest = Math.floor(rest / size);
    }
    result[i] = from[place] as number;
  }
  return result;
}

/** The axes of `from` in the file that become those of `to` in the file. */
export function permutation(from: AxisOrder, to: AxisOrder): number[] {
  return to.map((axis) => from.indexOf(axis));
}

/**
 * The order in which a tensor lies after its axes have been regrouped without moving an element: of [N, C, H, W] as
 * [0, 2, 3, 1] regrouped to [N, g, C / g, H, W] it is [0, 3, 4, 1, 2]. Undefined where elements would have to move.
 */
export function regrouped(
  from: readonly number[],
  to: readonly number[],
  order: AxisOrder,
): AxisOrder | undefined {
  const groups = groupsOf(from, to);
  const long = order.filter((axis) => from[axis] !== 1);
  const result: number[] = [];
  for (let place = 0; place < long.length; ) {
    const group = groups.find(({ before }) => before.includes(long[place] as number));
    const axes = group?.before.filter((axis) => from[axis] !== 1) ?? [];
    if (group === undefined || String(long.slice(place, place + axes.length)) !== String(axes))
      return undefined;
    result.push(...group.after.filter((axis) => to[axis] !== 1));
    place += axes.length;
  }
  const usual = channelsLast(to.length);
  if (isSameOrder(to, usual, result)) return usual;
  const short = usual.filter((axis) => to[axis] === 1);
  return [...short, ...result];
}

/** Axes that become axes. */
interface Group {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The smallest runs of axes that hold as many elements before as after. */
function groupsOf(from: readonly number[], to: readonly number[]): Group[] {
  const groups: { before: number[]; after: number[] }[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const group = { before: [] as number[], after: [] as number[] };
    let [before, after] = [1, 1];
    do {
      if ((before <= after && i < from.length) || j >= to.length) {
        before *= from[i] as number;
        group.before.push(i++);
      } else {
        after *= to[j] as number;
        group.after.push(j++);
      }
    } while (before !== after);
    groups.push(group);
  }
  return groups;
}
