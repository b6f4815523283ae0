/**
 * Pools and scaling that a file spells out: elements of an image are taken by their places, added and divided, as PyTorch's
 * default exporter writes adaptive pooling to sizes that do not divide. What such a chain of nodes computes is found out by
 * what it makes of a few planes of known numbers, since it does the same to each plane.
 *
 * @module
 */
import type { FileNode } from "./file-node.ts";
import { elementwise } from "./folding/elementwise.ts";
import { type Folder, made } from "./folding/folder.ts";
import { layout } from "./folding/layout.ts";
import type { Probe } from "./graph-maker.ts";
import type { KnownTensor } from "./known-tensor.ts";

/** Some elements of an axis, in a row. */
interface Window {
  readonly begin: number;
  readonly length: number;
}

/** Planes whose means over a window tell where it lies, and one more, which tells whether they are right: by row and column. */
const planes: readonly ((row: number, column: number) => number)[] = [
  () => 1,
  (row) => row,
  (_, column) => column,
  (row) => row ** 2,
  (_, column) => column ** 2,
  (row, column) => Math.sin(1 + 37 * row + 101 * column),
];

/** Takes elements out of a turned image, [height, width, batch, channels], by the places of its rows and columns. */
export function GatherND(node: FileNode): void {
  const [height, width, batch] = node.shape(0);
  const isTurned = node.shape(0).length === 4 && batch === "batch" && (node.number("batch_dims") ?? 0) === 0;
  const size =
    isTurned && typeof height === "number" && typeof width === "number"
      ? ([height, width] as const)
      : node.refuse(notFollowed);
  const places = node.known(1) ?? node.refuse(notFollowed);
  if (places.shape.at(-1) !== 2) node.refuse(notFollowed);
  const image = node.step("Transpose", [node.input(0)], { perm: [2, 3, 0, 1] });
  later(node, { image, size, answer: taken(node, places, size) });
}

const notFollowed =
  "it takes elements of an image by their places in a way that is neither a pool nor scaling by nearest elements";

/** The known planes' elements at places [..., 2], each followed by the axes of the image and of the planes. */
function taken(node: FileNode, places: KnownTensor, [height, width]: readonly [number, number]): KnownTensor {
  const shape = [...places.shape.slice(0, -1), 1, planes.length];
  const all = new Float32Array(node.bounded(shape));
  for (let i = 0; i < all.length; i++) {
    const place = 2 * Math.floor(i / planes.length);
    const [row, column] = [
      [places.values[place], height],
      [places.values[place + 1], width],
    ].map(([at, length]) => (Number(at) < 0 ? Number(at) + Number(length) : Number(at))) as [number, number];
    if (!(row >= 0 && row < height && column >= 0 && column < width))
      node.refuse(`there is no element ${row}, ${column} of ${height}×${width}`);
    all[i] = planes[i % planes.length]?.(row, column) as number;
  }
  return made("float", shape, all);
}

/** Operators that are linear in a probe, by the inputs that have to be ones. */
const linear: Readonly<Record<string, { folder: Folder; isProbe: (place: number) => boolean }>> = {
  Transpose: { folder: layout.Transpose as Folder, isProbe: (place) => place === 0 },
  Gather: { folder: layout.Gather as Folder, isProbe: (place) => place === 0 },
  Slice: { folder: layout.Slice as Folder, isProbe: (place) => place === 0 },
  Add: { folder: elementwise.Add as Folder, isProbe: () => true },
  Mul: { folder: elementwise.Mul as Folder, isProbe: (place) => place === 0 },
  Div: { folder: elementwise.Div as Folder, isProbe: (place) => place === 0 },
  Where: { folder: elementwise.Where as Folder, isProbe: (place) => place === 2 },
};

/** Whether a node goes on with what is known of planes: then that stands for its result. */
export function followProbe(node: FileNode): boolean {
  const given = Array.from({ length: node.inputCount }, (_, place) => place);
  const probes = given.map((place) => node.probe(place));
  const first = probes.find((probe) => probe !== undefined);
  const operator = linear[node.operator];
  if (first === undefined || operator === undefined) return false;
  const inputs = given.map((place) => probes[place]?.answer ?? node.known(place));
  const isLinear = given.every((place) => operator.isProbe(place) === (probes[place]?.image === first.image));
  // What stands in the place of elements is nothing.
  const isMasked = node.operator !== "Where" || inputs[1]?.values.every((value) => value === 0) === true;
  if (!isLinear || !isMasked || inputs.some((input) => input === undefined)) return false;
  const [answer] = operator.folder(node, inputs as unknown as [KnownTensor, ...KnownTensor[]]);
  later(node, { ...first, answer: answer as KnownTensor });
  return true;
}

/** The node's result is computed where something else than such a node reads it. */
function later(node: FileNode, probe: Probe): void {
  node.defineProbe(probe, () => {
    const windows = windowsOf(probe);
    if (windows === undefined) node.refuse(notFollowed);
    else compute(node, probe, windows);
  });
}

/** The rows and the columns whose mean each row and column of the result is; undefined where it is anything else. */
function windowsOf({ answer, size }: Probe): { rows: Window[]; columns: Window[] } | undefined {
  const [batch, channels, height = 0, width = 0] = answer.shape;
  if (answer.shape.length !== 4 || batch !== 1 || channels !== planes.length) return undefined;
  const meanOf = (plane: number, row: number, column: number) =>
    Number(answer.values[(plane * height + row) * width + column]);
  const rows = Array.from({ length: height }, (_, row) => windowBy(meanOf(1, row, 0), meanOf(3, row, 0)));
  const columns = Array.from({ length: width }, (_, column) =>
    windowBy(meanOf(2, 0, column), meanOf(4, 0, column)),
  );
  const isWithin = ({ begin, length }: Window, axis: 0 | 1) =>
    begin >= 0 && length >= 1 && begin + length <= size[axis];
  if (!rows.every((each) => isWithin(each, 0)) || !columns.every((each) => isWithin(each, 1)))
    return undefined;
  const isMean = (plane: number, row: number, column: number) => {
    const expected = meanOver(rows[row] as Window, columns[column] as Window, planes[plane] as Plane);
    return Math.abs(meanOf(plane, row, column) - expected) <= 1e-4 * Math.max(1, Math.abs(expected));
  };
  for (const [row] of rows.entries())
    for (const [column] of columns.entries())
      if (![...planes.keys()].every((plane) => isMean(plane, row, column))) return undefined;
  return { rows, columns };
}

type Plane = (typeof planes)[number];

/** By the mean of the places in it, and of their squares: n places in a row have a variance of (n² − 1) / 12. */
function windowBy(mean: number, ofSquares: number): Window {
  const length = Math.round(Math.sqrt(Math.max(0, 12 * (ofSquares - mean ** 2) + 1)));
  return { begin: Math.round(mean - (length - 1) / 2), length };
}

function meanOver(rows: Window, columns: Window, plane: Plane): number {
  let sum = 0;
  for (let row = rows.begin; row < rows.begin + rows.length; row++)
    for (let column = columns.begin; column < columns.begin + columns.length; column++)
      sum += plane(row, column);
  return sum / (rows.length * columns.length);
}

/** As an average pool where windows are alike, as scaling where they are single elements repeated, else part by part. */
function compute(
  node: FileNode,
  { image, size }: Probe,
  windows: { rows: Window[]; columns: Window[] },
): void {
  const both = [windows.rows, windows.columns] as const;
  const pools = both.map(regular);
  const repeats = both.map((each, axis) => repeated(each, size[axis] as number));
  if (pools.every((pool) => pool !== undefined)) {
    const [kernel_shape, strides] = [pools.map(({ length }) => length), pools.map(({ stride }) => stride)];
    node.result("AveragePool", [image], { kernel_shape, strides });
  } else if (repeats.every((repeat) => repeat !== undefined)) {
    const places = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
    node.result("Resize", [image], { mode: "nearest", ...places, scales: [1, 1, ...repeats] });
  } else {
    const rows = node.step("Concat", parts(node, image, 2, windows.rows, size[0]), { axis: 2 });
    node.result("Concat", parts(node, rows, 3, windows.columns, size[1]), { axis: 3 });
  }
}

/** The one length and stride of all windows, which begin at 0; undefined where they differ. */
function regular(windows: readonly Window[]): { length: number; stride: number } | undefined {
  const [{ length } = { length: 0 }, second] = windows;
  const stride = second?.begin ?? length;
  const isAlike = windows.every((each, i) => each.begin === i * stride && each.length === length);
  return isAlike && stride > 0 ? { length, stride } : undefined;
}

/** How often each element of an axis is there, one after the other. */
function repeated(windows: readonly Window[], size: number): number | undefined {
  const times = windows.length / size;
  const isRepeated = windows.every(({ begin, length }, i) => length === 1 && begin === Math.floor(i / times));
  return Number.isInteger(times) && isRepeated ? times : undefined;
}

/** The mean of each window of an axis: the whole axis is cut where windows begin and end, so that an image of another size is refused. */
function parts(
  node: FileNode,
  value: string,
  axis: number,
  windows: readonly Window[],
  size: number,
): string[] {
  const ends = windows.flatMap(({ begin, length }) => [begin, begin + length]);
  const cuts = [...new Set([0, ...ends, size])].sort((a, b) => a - b);
  const split = cuts.slice(1).map((cut, i) => cut - (cuts[i] as number));
  const pieces = split.length === 1 ? [value] : node.split(axis, split, value);
  const made = new Map<string, string>();
  return windows.map(({ begin, length }) => {
    const within = pieces.filter(
      (_, i) => (cuts[i] as number) >= begin && (cuts[i] as number) < begin + length,
    );
    const key = within.join();
    const whole =
      within.length === 1 ? (within[0] as string) : (made.get(key) ?? node.step("Concat", within, { axis }));
    const mean =
      length === 1
        ? whole
        : (made.get(`mean ${key}`) ?? node.step("ReduceMean", [whole], { axes: [axis], keepdims: 1 }));
    made.set(key, whole).set(`mean ${key}`, mean);
    return mean;
  });
}
