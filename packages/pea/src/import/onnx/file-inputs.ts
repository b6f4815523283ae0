/** Which image a file takes, and which result of it is meant. */
import { PeaError } from "@pea/core";
import type { GraphInput, Size } from "@pea/graph";
import { elementTypes, type GraphProto, type ValueInfoProto } from "../../onnx-file/model.ts";
import { typeName } from "./known-tensor.ts";

const { float, float16, double, bfloat16 } = elementTypes;

/**
 * The one input that is an image, [batch, channels, height, width] or, in files of TensorFlow, its channels last. Weights
 * that are listed as inputs are none.
 *
 * @param imageSize height and width, where the file leaves them open
 * @throws PeaError of kind usage where there is none, or several; where a size is open and not told
 */
export function imageInputOf(
  { input, initializer }: GraphProto,
  imageSize: readonly [number, number] | undefined,
): GraphInput {
  const weights = new Set(initializer.map(({ name }) => name));
  const inputs = input.filter(({ name }) => !weights.has(name));
  const images = inputs.filter((each) => dimsOf(each).length === 4);
  const [image] = images;
  const names = inputs.map(({ name }) => name).join(", ");
  if (image === undefined)
    throw refuse(
      `takes ${names || "nothing"}: none is a batch of images of [batch, channels, height, width]`,
    );
  const other = inputs.find((each) => each !== image);
  if (other !== undefined)
    throw refuse(
      images.length > 1
        ? `takes several images: ${names}; a network here takes one`
        : `wants a value for ${other.name} beside the image: it belongs to a layer whose numbers were lost at the export ` +
            "(Keras's Normalization; use Rescaling instead)",
    );
  const type = image.type?.tensorType?.elementType ?? 0;
  if (![float, float16, double, bfloat16].some((each) => each === type))
    throw refuse(`takes ${image.name} as ${typeName(type)}: export it for images of float32`);
  return { name: image.name ?? "", shape: shapeOf(image, imageSize) };
}

const dimsOf = ({ type }: ValueInfoProto) => type?.tensorType?.shape?.dim ?? [];

function shapeOf(image: ValueInfoProto, imageSize: readonly [number, number] | undefined): Size[] {
  const [, ...sizes] = dimsOf(image).map(({ value }) =>
    value !== undefined && value > 0 ? value : undefined,
  );
  // With channels last, they alone are known.
  const isChannelsLast = sizes[0] === undefined && sizes[2] !== undefined;
  const [height, width] = isChannelsLast ? [0, 1] : [1, 2];
  if (
    sizes[height as number] !== undefined &&
    sizes[width as number] !== undefined &&
    imageSize !== undefined
  ) {
    const own = [sizes[height as number], sizes[width as number]];
    if (own.join() !== imageSize.join() && !mayBeChannelsLast(sizes, imageSize))
      throw refuse(
        `is made for images of ${own.join("×")}, not of ${imageSize.join("×")}: export it for that size`,
      );
  }
  const told = sizes.map(
    (size, place) =>
      size ?? (place === height ? imageSize?.[0] : place === width ? imageSize?.[1] : undefined),
  );
  if (told.some((size) => size === undefined))
    throw refuse(
      sizes[0] === undefined && !isChannelsLast
        ? `leaves the channels of ${image.name} open: export it for images of a fixed size`
        : `leaves the height and width of ${image.name} open: say the image size, or export it for a fixed one`,
    );
  return ["batch", ...(told as number[])];
}

const mayBeChannelsLast = ([height, width]: readonly (number | undefined)[], imageSize: readonly number[]) =>
  height === imageSize[0] && width === imageSize[1];

/**
 * The output that is meant.
 *
 * @throws PeaError of kind usage where there are several and none is chosen, or there is none of this name
 */
export function outputOf({ output }: GraphProto, wanted: string | undefined): string {
  const names = output.map(({ name }) => name ?? "");
  if (wanted !== undefined && !names.includes(wanted))
    throw refuse(`has no output ${wanted}; it has ${names.join(", ")}`);
  if (wanted === undefined && names.length !== 1)
    throw refuse(`has ${names.length} outputs: ${names.join(", ")}; say which one is meant`);
  return wanted ?? (names[0] as string);
}

const refuse = (reason: string): PeaError => new PeaError(`The file ${reason}`, { kind: "usage" });
