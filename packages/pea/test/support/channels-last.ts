/** Images as the graph has them, [N, C, …], and as TensorFlow Lite has them, [N, …, C]. */
import type { Shape } from "@pea/graph";

type Elements = Int8Array | Uint8Array | Int16Array | Float32Array;

/** From channels first to channels last. */
export function channelsLast<T extends Elements>(data: T, shape: Shape): T {
  return exchanged(data, shape, (pixel, channel, channels, pixels) => [
    pixel * channels + channel,
    channel * pixels + pixel,
  ]);
}

function exchanged<T extends Elements>(
  data: T,
  [, channels = 1, ...image]: Shape,
  places: (pixel: number, channel: number, channels: number, pixels: number) => readonly [number, number],
): T {
  if (image.length === 0) return data;
  const result = data.slice() as T;
  const pixels = image.reduce<number>((a, b) => a * Number(b), 1);
  const size = pixels * Number(channels);
  for (let start = 0; start < data.length; start += size)
    for (let channel = 0; channel < Number(channels); channel++)
      for (let pixel = 0; pixel < pixels; pixel++) {
        const [to, from] = places(pixel, channel, Number(channels), pixels);
        result[start + to] = data[start + from] as number;
      }
  return result;
}
