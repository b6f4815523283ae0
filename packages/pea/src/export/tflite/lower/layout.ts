/** The same elements in another shape or order, some of them, or several tensors as one. */
import { elementsOf, type QuantizedSite, readersOf } from "@pea/graph";
import { channelsLast, inOrder, regrouped, turned } from "../../axis-order.ts";
import type { Lower, Lowering } from "./lowering.ts";

/** Nothing moves where axes are regrouped that lie beside each other; a flattened image that only matrices read stays as it lies. */
export const reshaped: Lower = (site, lowering) => {
  const [input = ""] = site.node.inputs;
  const [name = ""] = site.node.outputs;
  const [from, to] = [site.sizes(0), site.outputSizes()];
  const own = lowering.orderOf(input);
  const order = regrouped(from, to, own);
  if (order !== undefined) {
    lowering.reshape(lowering.read(input, own), inOrder(to, order), lowering.write(name, order));
    return;
  }
  if (onlyMatricesRead(lowering, name) && to.length === 2 && from[0] === to[0]) {
    lowering.features.set(name, featurePlaces(from, own));
    lowering.reshape(lowering.read(input, own), to, lowering.write(name));
    return;
  }
  // In the order that becomes the usual one, else in the graph's own, where any reshape moves nothing.
  const usual = regrouped(to, from, channelsLast(to.length));
  const tensor = lowering.read(input, usual ?? [...from.keys()]);
  const result = usual === undefined ? [...to.keys()] : channelsLast(to.length);
  lowering.reshape(tensor, inOrder(to, result), lowering.write(name, result));
};

function onlyMatricesRead(lowering: Lowering, name: string): boolean {
  const readers = readersOf(lowering.graph).get(name) ?? [];
  return (
    !lowering.graph.outputs.includes(name) &&
    readers.length > 0 &&
    readers.every(({ operator, inputs }) => operator === "Gemm" && inputs.indexOf(name) === 0)
  );
}

/** Where the graph's feature i, an element of one sample in the order of its axes, lies in the file. */
function featurePlaces(sizes: readonly number[], order: readonly number[]): Int32Array {
  const one = sizes.with(0, 1);
  const graphPlaces = turned(
    Int32Array.from({ length: elementsOf(one) }, (_, i) => i),
    one,
    order,
  );
  const places = new Int32Array(graphPlaces.length);
  graphPlaces.forEach((feature, place) => {
    places[Number(feature)] = place;
  });
  return places;
}

/** Nothing moves: axes of the graph lie elsewhere in the file. Who needs them in another order turns them. */
export const Transpose: Lower = (site, lowering) => {
  const [input = ""] = site.node.inputs;
  const [name = ""] = site.node.outputs;
  const perm = site.axes("perm", [...site.sizes(0).keys()].reverse());
  const own = lowering.orderOf(input);
  const order = own.map((axis) => perm.indexOf(axis));
  const tensor = lowering.read(input, own);
  lowering.place(name, tensor, order);
};

export const Concat: Lower = (site, lowering) => {
  const order = channelsLast(site.outputSizes().length);
  const axis = order.indexOf(site.axis(site.int("axis")));
  lowering.emit(
    "CONCATENATION",
    site.node.inputs.map((name) => lowering.read(name, order)),
    [lowering.write(site.node.outputs[0] as string, order)],
    { axis, fused_activation_function: 0 },
  );
};

export const Split: Lower = (site, lowering) => {
  const sizes = site.sizes(0);
  const axis = site.axis(site.int("axis", 0));
  const order = lowering.orderOf(site.node.inputs[0] as string);
  const input = lowering.read(site.node.inputs[0] as string, order);
  let from = 0;
  site.ints("split").forEach((length, part) => {
    const output = lowering.write(site.node.outputs[part] as string, order);
    slice(lowering, input, output, inOrder(sizes.map(() => 0).with(axis, from), order));
    from += length;
  });
};

export const Slice: Lower = (site, lowering) => {
  const sizes = site.sizes(0);
  const out = site.outputSizes();
  const starts = site.ints("starts");
  const steps = site.ints(
    "steps",
    starts.map(() => 1),
  );
  const [begin, every] = [sizes.map(() => 0), sizes.map(() => 1)];
  site.axes("axes", [...starts.keys()]).forEach((axis, i) => {
    const [size, start, step] = [sizes[axis], starts[i], steps[i]] as [number, number, number];
    if (step < 1) site.refuse(`a slice of steps of ${step} has no form in TensorFlow Lite here`);
    begin[axis] = Math.min(size, Math.max(0, start < 0 ? start + size : start));
    every[axis] = step;
  });
  const order = lowering.orderOf(site.node.inputs[0] as string);
  const input = lowering.read(site.node.inputs[0] as string, order);
  const output = lowering.write(site.node.outputs[0] as string, order);
  if (every.every((step) => step === 1)) {
    slice(lowering, input, output, inOrder(begin, order));
    return;
  }
  const end = begin.map((start, axis) => start + ((out[axis] as number) - 1) * (every[axis] as number) + 1);
  lowering.emit(
    "STRIDED_SLICE",
    [
      input,
      lowering.setting("begin", inOrder(begin, order)),
      lowering.setting("end", inOrder(end, order)),
      lowering.setting("strides", inOrder(every, order)),
    ],
    [output],
  );
};

function slice(lowering: Lowering, input: number, output: number, begin: readonly number[]): void {
  const size = lowering.tensors[output]?.shape ?? [];
  lowering.emit("SLICE", [input, lowering.setting("begin", begin), lowering.setting("size", size)], [output]);
}

export const Pad: Lower = (site, lowering) => {
  const pads = site.ints("pads");
  const order = lowering.orderOf(site.node.inputs[0] as string);
  const around = order.flatMap((axis) => [pads[axis] as number, pads[axis + order.length] as number]);
  const input = lowering.read(site.node.inputs[0] as string, order);
  const settings = lowering.setting("paddings", around, [order.length, 2]);
  lowering.emit("PAD", [input, settings], [lowering.write(site.node.outputs[0] as string, order)]);
};

/** [1, H · b, W · b, C] as [H, b, W, b · C], its middle axes exchanged, as [1, H, W, b² · C]. */
export const SpaceToDepth: Lower = (site, lowering) => {
  const block = site.int("blocksize");
  const [, channels = 1, height = 1, width = 1] = site.sizes(0);
  requireOneImage(site);
  const input = lowering.read(site.node.inputs[0] as string);
  const rows = lowering.reshape(input, [height / block, block, width / block, block * channels]);
  exchanged(site, lowering, rows);
};

/** The same backwards: [1, H, W, b² · C] as [H, W, b, b · C], its middle axes exchanged, as [1, H · b, W · b, C]. */
export const DepthToSpace: Lower = (site, lowering) => {
  const block = site.int("blocksize");
  const [, channels = 1, height = 1, width = 1] = site.sizes(0);
  requireOneImage(site);
  const input = lowering.read(site.node.inputs[0] as string);
  const [output = ""] = site.node.outputs;
  if (site.text("mode", "DCR") === "DCR") {
    exchanged(site, lowering, lowering.reshape(input, [height, width, block, channels / block]));
    return;
  }
  const split = lowering.reshape(input, [height, width, channels / block ** 2, block, block]);
  const turnedAround = lowering.transpose(split, [0, 3, 1, 4, 2]);
  const shape = inOrder(site.outputSizes(), channelsLast(4));
  lowering.reshape(turnedAround, shape, lowering.write(output));
};

function exchanged(site: QuantizedSite, lowering: Lowering, tensor: number): void {
  const shape = inOrder(site.outputSizes(), channelsLast(4));
  const result = lowering.transpose(tensor, [0, 2, 1, 3]);
  lowering.reshape(result, shape, lowering.write(site.node.outputs[0] as string));
}

function requireOneImage(site: QuantizedSite): void {
  if (site.sizes(0)[0] !== 1) site.refuse("it has a form in TensorFlow Lite for one image at a time");
}
