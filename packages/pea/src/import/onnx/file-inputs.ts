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

/** The number of images that the file was made for; undefined where it is left open. */
export function fixedBatchOf({ input }: GraphProto, { name }: GraphInput): number | undefined {
  const image = input.find((each) => each.name === name);
  const batch = image && dimsOf(image)[0]?.value;
  return batch !== undefined && batch > 0 ? batch : undefined;
}

const dimsOf = ({ type }: ValueInfoProto) => type?.tensorType?.shape?.dim ?? [];

function shapeOf(image: ValueInfoProto, imageSize: readonly [number, number] | undefined): Size[] {
  const [, ...known] = dimsOf(image).map(({ value }) =>
    value !== undefined && value > 0 ? value : undefined,
  );
  // With channels last and an open size, they alone are known.
  const isChannelsLast = known[0] === undefined && known[2] !== undefined;
  const place = isChannelsLast ? 0 : 1;
  const sizes = imageSize === undefined ? known : filledIn(known, place, imageSize);
  if (sizes.every((size) => size !== undefined)) return ["batch", ...(sizes as number[])];
  throw refuse(
    known[0] === undefined && !isChannelsLast
      ? `leaves the channels of ${image.name} open: export it for images of a fixed size`
      : `leaves the height and width of ${image.name} open: say the image size, or export it for a fixed one`,
  );
}

/** With the height and width that are told where they are open. */
function filledIn(
  known: readonly (number | undefined)[],
  place: number,
  imageSize: readonly [number, number],
): (number | undefined)[] {
  return known.map((size, i) => size ?? imageSize[i - place]);
}

/**
 * The output that is meant: one of the file's, or any other value that a node computes, behind which the network is cut off.
 *
 * @throws PeaError of kind usage where there are several and none is chosen, or nothing computes one of this name
 */
export function outputOf({ output, node }: GraphProto, wanted: string | undefined): string {
  const names = output.map(({ name }) => name ?? "");
  const isComputed = (name: string) =>
    names.includes(name) || node.some((each) => each.output.includes(name));
  if (wanted !== undefined && !isComputed(wanted))
    throw refuse(
      `has no output ${wanted}, and no node that computes it; its outputs are ${names.join(", ")}`,
    );
  if (wanted === undefined && names.length !== 1)
    throw refuse(
      `has ${names.length} outputs: ${names.join(", ")}; say which one is meant (--model-output of pea train, modelOutput in a recipe, --output of pea inspect, output from TypeScript)`,
    );
  return wanted ?? (names[0] as string);
}

const refuse = (reason: string): PeaError => new PeaError(`The file ${reason}`, { kind: "usage" });
