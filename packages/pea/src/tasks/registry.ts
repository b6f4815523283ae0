/**
 * Tasks by name. Each is a folder beside this file, which nothing else names.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { DataFacts } from "../init/find-data.ts";
import type { RecipeLine } from "../init/recipe-lines.ts";
import { classification } from "./classification/classification.ts";
import { suggestClassification } from "./classification/suggest-recipe.ts";
import { segmentation } from "./segmentation/segmentation.ts";
import { suggestSegmentation } from "./segmentation/suggest-recipe.ts";
import type { Task } from "./task.ts";

const tasks = {
  classification: { create: classification, suggest: suggestClassification },
  segmentation: { create: segmentation, suggest: suggestSegmentation },
};

/** As a data set's description names its task. */
export type TaskName = keyof typeof tasks;

/**
 * A task for these classes.
 *
 * @throws PeaError of kind usage for an unknown name
 */
export function createTask(name: TaskName, classes: readonly string[]): Task {
  return taskNamed(name).create(classes) as Task;
}

/**
 * The lines of a recipe for these data.
 *
 * @throws PeaError of kind usage for an unknown name
 */
export function suggestRecipe(name: TaskName, facts: DataFacts): RecipeLine[] {
  return taskNamed(name).suggest(facts);
}

/** The types of a user's module, which describes a data set, are not checked. */
function taskNamed(name: TaskName): (typeof tasks)[TaskName] {
  if (Object.hasOwn(tasks, name)) return tasks[name];
  throw new PeaError(`a data set's task is "${name}", but must be one of ${Object.keys(tasks).join(", ")}`, {
    kind: "usage",
  });
}
