/** The same elements in another shape or order, some of them, several tensors as one, or one with more around. */
import { channelsLast, regrouped } from "../../axis-order.ts";
import { channelsSecond, type FileSite, inGraph, type Raise } from "./raising.ts";

/** Nothing moves in the file; in the graph neither, where axes are regrouped that lie beside each other in both. */
export const RESHAPE: Raise = (site) => {
  const [file, wanted] = [site.input(0).shape, site.output.shape];
  const [from, to] = [inGraph(file), inGraph(wanted)];
  const [before, after] = [channelsLast(file.length), channelsLast(wanted.length)];
  if (String(regrouped(from, to, before)) === String(after)) {
    site.emit("Reshape", [site.value(0)], { shape: to });
    return;
  }
  const asInFile = site.moved("Transpose", site.value(0), { perm: before });
  const reshaped = site.moved("Reshape", asInFile, { shape: wanted });
  site.emit("Transpose", [reshaped], { perm: channelsSecond(wanted.length) });
};

export const TRANSPOSE: Raise = (site) => {
  const perm = site.setting(1);
  const order = channelsLast(perm.length);
  site.emit("Transpose", [site.value(0)], { perm: inGraph(perm.map((axis) => order[axis] as number)) });
};

export const CONCATENATION: Raise = (site) => {
  if (site.fused !== undefined) site.refuse("it computes an activation, which has no reading here");
  site.emit("Concat", site.values, {
    axis: channelsLast(site.output.shape.length)[site.option("axis")] ?? 0,
  });
};

export const SLICE: Raise = (site) => {
  const [begin, size] = [site.setting(1), site.setting(2)];
  slice(
    site,
    begin,
    begin.map((start, axis) => start + (size[axis] as number)),
  );
};

export const STRIDED_SLICE: Raise = (site) => slice(site, site.setting(1), site.setting(2), site.setting(3));

function slice(
  site: FileSite,
  begin: readonly number[],
  end: readonly number[],
  every?: readonly number[],
): void {
  site.emit("Slice", [site.value(0)], {
    starts: inGraph(begin),
    ends: inGraph(end),
    axes: [...begin.keys()],
    ...(every && { steps: inGraph(every) }),
  });
}

export const PAD: Raise = (site) => pad(site, 0);

/** By an integer of the file's own. */
export const PADV2: Raise = (site) => {
  const { scales: [scale = 1] = [], zeroPoints: [zeroPoint = 0] = [] } = site.quantization(0);
  const [filling = 0] = site.setting(2);
  pad(site, scale * (filling - zeroPoint));
};

function pad(site: FileSite, value: number): void {
  const around = site.setting(1);
  const side = (which: 0 | 1) => inGraph(around.filter((_, place) => place % 2 === which));
  site.emit("Pad", [site.value(0)], { pads: [...side(0), ...side(1)], value });
}
