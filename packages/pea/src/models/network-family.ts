/**
 * What the registry knows of a network, which the network's own file says.
 *
 * @module
 */
import type { Module } from "@pea/torch";
import type { ModelOptions } from "./options.ts";

/** Options of `createModel`: those of every network, and the network's own. */
export type CreateModelOptions = ModelOptions & Readonly<Record<string, unknown>>;

/** Builds a network. */
export type ModelFactory = (options: CreateModelOptions) => Module;

/** What is known of a network without building it. */
export interface ModelEntry {
  name: string;
  description: string;
  /** Channels, height and width of the images it is meant for. */
  inputShape: readonly [number, number, number];
  /** Classes of the data set its published figures stand for. */
  classes: number;
}

/** A built-in network, in all its widths and variants. */
export interface NetworkFamily {
  /** What names of its networks begin with: `<name>[-<width>][-small]`. */
  readonly name: string;
  /** Those of its networks that lists show. */
  readonly listed: readonly ModelEntry[];
  /** Its options besides the common ones; with `small` among them there is a small variant. */
  readonly ownOptions: readonly string[];
  readonly create: ModelFactory;
}
