/** The network a recipe asks for. */
import type { Module } from "@pea/torch";
import { createModel } from "../models/index.ts";
import type { Recipe } from "./config.ts";

/** The plain ReLU network for the data's channels and classes, with fresh weights from the global generator. */
export function createNetwork(
  { model, modelOptions }: Recipe,
  data: { inputShape: readonly [channels: number, height: number, width: number]; classes: number },
): Module {
  return createModel(model, { ...modelOptions, inputChannels: data.inputShape[0], classes: data.classes });
}
