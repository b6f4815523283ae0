import { createRequire } from "node:module";
import { nativeBinaries, notLoadable } from "@pea/torch/binaries";

/** Where the pixels of an output lie among those of an input, along one axis. */
export interface Taps {
  /** Of each output pixel: the two input pixels that make it up. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** The second one's share, from 0 to 1; −1 where the output shows nothing and becomes black. */
  readonly share: Float32Array;
}

/** The functions of `native/addon.cc`, which trusts its caller with the lengths of arrays. */
interface Binding {
  jpegSize(encoded: Uint8Array): [width: number, height: number] | null;
  decodeJpeg(
    encoded: Uint8Array,
    left: number,
    top: number,
    width: number,
    height: number,
    out: Uint8Array,
  ): void;
  blend(
    pixels: Uint8Array,
    width: number,
    rowFirst: Int32Array,
    rowSecond: Int32Array,
    rowShare: Float32Array,
    columnFirst: Int32Array,
    columnSecond: Int32Array,
    columnShare: Float32Array,
    out: Uint8Array,
  ): void;
  turn(pixels: Uint8Array, width: number, height: number, orientation: number, out: Uint8Array): void;
  crc32c(bytes: Uint8Array): number;
}

function load(): Binding {
  const path = nativeBinaries().file("pea");
  try {
    return createRequire(import.meta.url)(path) as Binding;
  } catch (error) {
    throw notLoadable(path, error);
  }
}

let binding: Binding | undefined;

/**
 * The addon, loaded when it is first needed.
 *
 * @throws TorchError when it is not built or does not load
 */
export function native(): Binding {
  binding ??= load();
  return binding;
}
