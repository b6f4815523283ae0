/**
 * Changes of training images as bytes, by loaders and the threads that read images for them.
 *
 * @module
 */
import type { Size } from "./crop.ts";
import type { SampleKey } from "./move.ts";

/** An image of one byte to a channel: height · width · channels, row by row. */
export interface ImageBytes extends Size {
  readonly data: Uint8Array;
  /** 1 (grey) or 3 (RGB). */
  readonly channels: number;
}

/** Changes an image in place. What it draws at random is a function of the key alone. */
export type ChangeImage<Settings> = (image: ImageBytes, settings: Settings, key: SampleKey) => void;

/** What is done to each training image once it is cropped, scaled, mirrored and moved, before it is standardized. */
export interface ImageChange<Settings = unknown> {
  change(...given: Parameters<ChangeImage<Settings>>): void;
  /** URL of a module that exports the same function as `changeImage`: threads load it, without the engine. */
  readonly module: string;
  /** Plain data, which go to the threads. */
  readonly settings: Settings;
}

/** The same as it is sent to a thread. */
export type SentImageChange = Omit<ImageChange, "change">;
