/**
 * The operations of RandAugment on bytes, as torchvision has them of PIL: geometry by the nearest pixel with black moved in,
 * colour by mixing with a plainer image. Compared with PIL byte by byte.
 *
 * @module
 */
import type { ImageBytes } from "../../images/transforms/image-change.ts";

/** Strengths from none to full of which a magnitude is one. */
export const magnitudes = 31;

/** An operation at a strength; `strength` has a sign where the operation does. */
interface Operation {
  /** What magnitude 0 and magnitude 30 are, for an image; left out: it has but one strength. */
  readonly range?: (image: ImageBytes) => readonly [from: number, to: number];
  /** Whether the strength may be drawn negative. */
  readonly isSigned?: boolean;
  apply(image: ImageBytes, strength: number): void;
}

/** Shares of 331 pixels, the crop that AutoAugment's translations of up to 150 pixels were made for. */
const translation = 150 / 331;
const mixed = { range: () => [0, 0.9] as const, isSigned: true };

/** The space of torchvision's `RandAugment`, in its order. */
export const operations = {
  identity: { apply: () => {} },
  shearX: {
    range: () => [0, 0.3],
    isSigned: true,
    apply: (image, shear) => transform(image, [1, shear, 0, 0, 1, 0]),
  },
  shearY: {
    range: () => [0, 0.3],
    isSigned: true,
    apply: (image, shear) => transform(image, [1, 0, 0, shear, 1, 0]),
  },
  translateX: {
    range: ({ width }) => [0, translation * width],
    isSigned: true,
    apply: (image, pixels) => transform(image, [1, 0, -Math.trunc(pixels), 0, 1, 0]),
  },
  translateY: {
    range: ({ height }) => [0, translation * height],
    isSigned: true,
    apply: (image, pixels) => transform(image, [1, 0, 0, 0, 1, -Math.trunc(pixels)]),
  },
  rotate: { range: () => [0, 30], isSigned: true, apply: rotate },
  brightness: { ...mixed, apply: (image, by) => mix(image, () => 0, 1 + by) },
  colour: { ...mixed, apply: (image, by) => mix(image, greyOf(image), 1 + by) },
  contrast: {
    ...mixed,
    apply: (image, by) => {
      const grey = meanGrey(image);
      mix(image, () => grey, 1 + by);
    },
  },
  sharpness: { ...mixed, apply: (image, by) => mix(image, smoothed(image), 1 + by) },
  posterize: {
    range: () => [8, 4],
    apply: (image, bits) => map(image, (byte) => byte & (256 - 2 ** (8 - bits))),
  },
  solarize: {
    range: () => [255, 0],
    apply: (image, threshold) => map(image, (byte) => (byte < threshold ? byte : 255 - byte)),
  },
  autoContrast: { apply: (image) => mapChannels(image, stretched) },
  equalize: { apply: (image) => mapChannels(image, equalized) },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;
export const operationNames = Object.keys(operations) as readonly OperationName[];

/** Whether an operation's strength may be drawn negative. */
export function isSigned(name: OperationName): boolean {
  return (operations[name] as Operation).isSigned ?? false;
}

/** Applies an operation in place at a magnitude, a whole number from 0 to 30, in the direction `sign`. */
export function applyOperation(
  image: ImageBytes,
  name: OperationName,
  magnitude: number,
  sign: 1 | -1 = 1,
): void {
  const { range, apply } = operations[name] as Operation;
  const [from, to] = range?.(image) ?? [0, 0];
  // Posterization has whole numbers of bits.
  const strength =
    name === "posterize" ? from - roundHalfEven(magnitude / 7.5) : between(from, to, magnitude);
  apply(image, sign * strength);
}

/** Number `i` of 31 between two, in float32 from the nearer end, as `torch.linspace`. */
function between(from: number, to: number, i: number): number {
  const { fround } = Math;
  const [first, last] = [fround(from), fround(to)];
  const step = fround(fround(last - first) / (magnitudes - 1));
  return i < magnitudes / 2 ? fround(first + step * i) : fround(last - step * (magnitudes - 1 - i));
}

/** Of numbers of at least 0. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded;
}

type Matrix = readonly [number, number, number, number, number, number];

/**
 * The pixel of (x, y) is that of (a·x + b·y + c, d·x + e·y + f), by pixel centres and the nearest one, in PIL's fixed point of
 * 16 bits; black where that is outside.
 */
function transform({ data, width, height, channels }: ImageBytes, [a, b, c, d, e, f]: Matrix): void {
  const fixed = (value: number) => Math.floor(value * 65536 + 0.5);
  const from = data.slice();
  data.fill(0);
  const [right, down] = [fixed(a), fixed(b)];
  const [rightY, downY] = [fixed(d), fixed(e)];
  let [rowX, rowY] = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)];
  for (let y = 0; y < height; y++, rowX += down, rowY += downY)
    for (let x = 0, atX = rowX, atY = rowY; x < width; x++, atX += right, atY += rightY) {
      const [fromX, fromY] = [atX >> 16, atY >> 16];
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) continue;
      const [source, target] = [(fromY * width + fromX) * channels, (y * width + x) * channels];
      for (let channel = 0; channel < channels; channel++)
        data[target + channel] = from[source + channel] as number;
    }
}

/** Counterclockwise around the middle, as PIL's `rotate`. */
function rotate(image: ImageBytes, degrees: number): void {
  const angle = (-(((degrees % 360) + 360) % 360) * Math.PI) / 180;
  const [cos, sin] = [round15(Math.cos(angle)), round15(Math.sin(angle))];
  const [x, y] = [image.width / 2, image.height / 2];
  transform(image, [cos, sin, cos * -x + sin * -y + x, -sin, cos, -sin * -x + cos * -y + y]);
}

const round15 = (value: number): number => Number(value.toFixed(15));

/** other + share · (image − other), in float32, cut off to bytes; `other` by the place of a byte. */
function mix({ data }: ImageBytes, other: (place: number) => number, factor: number): void {
  const share = Math.fround(factor);
  if (share === 1) return;
  for (let place = 0; place < data.length; place++) {
    const plain = other(place);
    const value = Math.fround(plain + Math.fround(share * ((data[place] as number) - plain)));
    data[place] = Math.min(255, Math.max(0, Math.trunc(value)));
  }
}

/** Brightness by ITU-R 601, in PIL's fixed point. */
function greyAt({ data, channels }: ImageBytes, pixel: number): number {
  const place = pixel * channels;
  if (channels === 1) return data[place] as number;
  const [red, green, blue] = [data[place], data[place + 1], data[place + 2]] as [number, number, number];
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

function greyOf(image: ImageBytes): (place: number) => number {
  const pixels = image.width * image.height;
  const grey = Uint8Array.from({ length: pixels }, (_, pixel) => greyAt(image, pixel));
  return (place) => grey[Math.floor(place / image.channels)] as number;
}

function meanGrey(image: ImageBytes): number {
  const pixels = image.width * image.height;
  let sum = 0;
  for (let pixel = 0; pixel < pixels; pixel++) sum += greyAt(image, pixel);
  return Math.floor(sum / pixels + 0.5);
}

/** The mean of 3×3 pixels of which the middle counts five times; the image's rim stays. */
function smoothed({ data, width, height, channels }: ImageBytes): (place: number) => number {
  const smooth = data.slice();
  const row = width * channels;
  for (let y = 1; y < height - 1; y++)
    for (let i = channels; i < row - channels; i++) {
      const place = y * row + i;
      let sum = 4 * (data[place] as number);
      for (let from = place - row - channels; from <= place + row; from += row)
        sum +=
          (data[from] as number) + (data[from + channels] as number) + (data[from + 2 * channels] as number);
      smooth[place] = Math.floor(sum / 13 + 0.5);
    }
  return (place) => smooth[place] as number;
}

function map({ data }: ImageBytes, change: (byte: number) => number): void {
  for (let place = 0; place < data.length; place++) data[place] = change(data[place] as number);
}

/** Maps the bytes of each channel by what its histogram is made to. */
function mapChannels(
  { data, channels }: ImageBytes,
  tableOf: (histogram: Uint32Array) => ((byte: number) => number) | null,
): void {
  for (let channel = 0; channel < channels; channel++) {
    const histogram = new Uint32Array(256);
    for (let place = channel; place < data.length; place += channels)
      histogram[data[place] as number] = (histogram[data[place] as number] as number) + 1;
    const value = tableOf(histogram);
    if (value === null) continue;
    const table = Uint8Array.from({ length: 256 }, (_, byte) => Math.min(255, Math.max(0, value(byte))));
    for (let place = channel; place < data.length; place += channels)
      data[place] = table[data[place] as number] as number;
  }
}

/** The darkest byte to 0 and the lightest to 255; null where there is but one. */
function stretched(histogram: Uint32Array): ((byte: number) => number) | null {
  const isThere = (count: number) => count > 0;
  const [lowest, highest] = [histogram.findIndex(isThere), histogram.findLastIndex(isThere)];
  if (highest <= lowest) return null;
  const scale = 255 / (highest - lowest);
  const offset = -lowest * scale;
  return (byte) => Math.trunc(byte * scale + offset);
}

/** All bytes as often as one another, as near as may be; null where there are too few. */
function equalized(histogram: Uint32Array): ((byte: number) => number) | null {
  const counts = histogram.filter((count) => count > 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const step = Math.floor((total - (counts.at(-1) ?? 0)) / 255);
  if (counts.length <= 1 || step === 0) return null;
  let below = Math.floor(step / 2);
  const values = Array.from(histogram, (count) => {
    const value = Math.floor(below / step);
    below += count;
    return value;
  });
  return (byte) => values[byte] as number;
}
