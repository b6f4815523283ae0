/** The network of a run at step 0, with its methods; the data need not be there. */
import { PeaError } from "@pea/core";
import type { Graph } from "@pea/graph";
import type { Module } from "@pea/torch";
import type { Methods } from "../methods/methods.ts";
import { inspectNetwork, type ModelInfo } from "../models/index.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { createNetwork } from "./create-network.ts";
import type { RecipeData } from "./open-data.ts";
import { planTraining, type TrainingPlan } from "./plan.ts";

/** What a network and the plan of its training need to know of the data. */
export interface DataShape extends Pick<RecipeData, "inputShape" | "classes" | "task"> {
  trainImages: number;
  /** Of a run that has begun. */
  stepsPerEpoch?: number;
}

/** A network, and the plan of its training. */
export interface BuiltNetwork {
  /** Of the plain ReLU network. */
  info: ModelInfo;
  plan: TrainingPlan;
  model: Module;
  /** Fitted. */
  methods: Methods;
}

export interface BuildOptions {
  /**
   * Shown the network as it will be deployed, as a graph; and, where the methods leave none to deploy whatever is trained,
   * why.
   */
  onNetwork?: (graph: Graph, upperLimit: string | null) => void | Promise<void>;
  /** Gives the plain network the weights that it begins with, before the methods meet it. */
  beginWith?: (model: Module, data: Pick<DataShape, "inputShape" | "classes">) => void;
}

/**
 * Builds the network with fresh weights from the recipe's seed, plans its training and fits the methods to both.
 *
 * @param methods not fitted yet
 * @throws PeaError of kind usage when the parts do not fit together
 */
export async function buildNetwork(
  recipe: Recipe,
  methods: Methods,
  { trainImages, stepsPerEpoch, ...data }: DataShape,
  { onNetwork, beginWith }: BuildOptions = {},
): Promise<BuiltNetwork> {
  const { device, seed } = recipe;
  const plan = planTraining(recipe, trainImages, stepsPerEpoch);
  const model = createNetwork(recipe, { inputShape: data.inputShape, classes: data.classes.length });
  try {
    const { info, graph } = inspectNetwork(model, data.inputShape);
    requireAnswers(recipe, info, data);
    model.to({ device, memoryFormat: "channels_last" });
    beginWith?.(model, data);
    const { totalSteps, stepsPerEpoch } = plan;
    methods.fit({
      model,
      totalSteps,
      stepsPerEpoch,
      seed,
      inputShape: data.inputShape,
      task: data.task.name,
      peakLearningRate: recipe.lr,
      graph,
    });
    await onNetwork?.(methods.asDeployed(graph), upperLimitOf(methods));
    return { info, plan, model, methods };
  } catch (error) {
    methods.dispose();
    model.dispose();
    throw error;
  }
}

/** An obstacle that no step ends. */
function upperLimitOf({ obstacle }: Methods): string | null {
  return obstacle === null || obstacle.endStep !== undefined ? null : obstacle.why;
}

/** The network answers once per image, or once per pixel, as the task wants it. */
function requireAnswers(
  { model, data }: Recipe,
  { outputShape }: ModelInfo,
  { task, inputShape }: Pick<RecipeData, "task" | "inputShape">,
): void {
  const wanted = task.outputShape(inputShape);
  if (`${wanted}` === `${outputShape}`) return;
  throw new PeaError(
    `${model} answers ${outputShape.join("×")} numbers for an image of ${inputShape.join("×")}, but ${data} needs ` +
      `${wanted.join("×")}; for ${task.name} take ${task.exampleNetwork}`,
    { kind: "usage" },
  );
}
