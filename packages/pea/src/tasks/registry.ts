/**
 * Tasks by name. Each is a folder beside this file, which nothing else names.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { DataFacts } from "../recipe/data-facts.ts";
import type { RecipeLine } from "../recipe/recipe-lines.ts";
import { classification } from "./classification/classification.ts";
import { suggestClassification } from "./classification/suggest-recipe.ts";
import { segmentation } from "./segmentation/segmentation.ts";
import { suggestSegmentation } from "./segmentation/suggest-recipe.ts";
import type { Task } from "./task.ts";

const tasks = {
  classification: { create: classification, suggest: suggestClassification },
  segmentation: { create: segmentation, suggest: suggestSegmentation },
};

/**
 * A task for these classes.
 *
 * @throws PeaError of kind usage for an unknown name
 */
export function createTask(name: string, classes: readonly string[]): Task {
  return taskNamed(name).create(classes) as Task;
}

/**
 * The lines of a recipe for these data.
 *
 * @throws PeaError of kind usage for an unknown name
 */
export function suggestRecipe(name: string, facts: DataFacts): RecipeLine[] {
  return taskNamed(name).suggest(facts);
}

function taskNamed(name: string): (typeof tasks)[keyof typeof tasks] {
  if (Object.hasOwn(tasks, name)) return tasks[name as keyof typeof tasks];
  throw new PeaError(`a data set's task is "${name}", but must be one of ${Object.keys(tasks).join(", ")}`, {
    kind: "usage",
  });
}
