import { contiguous, expand, permute, randn, slice, type Tensor } from "@pea/torch";

/** [N, C, …] */
export type Shape = [number, number, ...number[]];

/** Makes a contiguous tensor. */
type Make = (shape: number[]) => Tensor;

/** The ways in which a tensor [N, C, …] may lie in memory, as views of contiguous ones. */
export const layouts = {
  contiguous: (shape, make) => make(shape),
  "channels last": ([n, c, ...space], make) => channelsSecond(make([n, ...space, c])),
  transposed: (shape, make) => permute(make([...shape].reverse()), [...shape.keys()].reverse()),
  "with gaps": (shape, make) => everySecond(make([...shape.slice(0, -1), 2 * (shape.at(-1) as number)])),
  "channels last with gaps": ([n, c, ...space], make) =>
    channelsSecond(everySecond(make([n, ...space, 2 * c]))),
  "with offset": ([n, ...rest], make) => slice(make([n + 1, ...rest]), { dim: 0, start: 1 }),
  "a repeated sample": (shape, make) => expand(make([1, ...shape.slice(1)]), shape),
  "a repeated value": (shape, make) => expand(make([]), shape),
} satisfies Record<string, (shape: Shape, make: Make) => Tensor>;

export type Layout = keyof typeof layouts;

export const layoutNames = Object.keys(layouts) as Layout[];

/** Normally distributed. */
export const randomly = (layout: Layout, shape: Shape): Tensor =>
  layouts[layout](shape, (sizes) => randn(sizes));

/** The same values in channels_last. */
export const channelsLast = (x: Tensor): Tensor => contiguous(x, { memoryFormat: "channels_last" });

function channelsSecond(x: Tensor): Tensor {
  const dims = [...x.shape.keys()];
  return permute(x, [0, dims.length - 1, ...dims.slice(1, -1)]);
}

const everySecond = (x: Tensor) => slice(x, { dim: -1, step: 2 });
