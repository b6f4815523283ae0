/**
 * Tasks by name: the built-in ones, a folder each beside this file, and those of the user's modules.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { nearestName } from "../common/nearest-name.ts";
import { requireMembers, someFunction } from "../common/require-members.ts";
import type { DataFacts } from "../recipe/data-facts.ts";
import type { RecipeLine } from "../recipe/recipe-lines.ts";
import { classification } from "./classification/classification.ts";
import { suggestClassification } from "./classification/suggest-recipe.ts";
import { segmentation } from "./segmentation/segmentation.ts";
import { suggestSegmentation } from "./segmentation/suggest-recipe.ts";
import type { Sums, Task } from "./task.ts";

/** What networks can be trained for. */
export interface TaskDescriptor<S extends Sums = Sums> {
  /** As data sets name it: small letters, digits and dashes. */
  readonly name: string;
  /** The task for these classes. */
  create(classes: readonly string[]): Task<S>;
  /** The lines of a recipe for these data, which `pea init` writes; left out: those of classification. */
  suggest?(facts: DataFacts): RecipeLine[];
}

const tasks = new Map<string, TaskDescriptor>();

/**
 * Makes a task known, to be named by data sets.
 *
 * @throws PeaError of kind usage when its name is taken, or none
 */
export function registerTask<S extends Sums>(task: TaskDescriptor<S>): void {
  const { name } = task;
  if (typeof name !== "string" || !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
    throw usage(`a task's name must be of small letters, digits and dashes, not ${JSON.stringify(name)}`);
  if (tasks.has(name)) throw usage(`a task named ${name} exists already; choose another name`);
  requireMembers(`task ${name}`, task, { create: someFunction });
  // Sums go from a task to itself alone.
  tasks.set(name, task as unknown as TaskDescriptor);
}

registerTask({ name: "classification", create: classification, suggest: suggestClassification });
registerTask({ name: "segmentation", create: segmentation, suggest: suggestSegmentation });

/**
 * A task for these classes.
 *
 * @throws PeaError of kind usage for an unknown name
 */
export function createTask(name: string, classes: readonly string[]): Task {
  return taskNamed(name).create(classes);
}

/**
 * The lines of a recipe for these data.
 *
 * @throws PeaError of kind usage for an unknown name
 */
export function suggestRecipe(name: string, facts: DataFacts): RecipeLine[] {
  const { suggest = suggestClassification } = taskNamed(name);
  return suggest(facts);
}

function taskNamed(name: string): TaskDescriptor {
  const task = tasks.get(name);
  if (task !== undefined) return task;
  const names = [...tasks.keys()];
  const nearest = nearestName(name, names);
  throw usage(
    `a data set's task is "${name}", but must be one of ${names.join(", ")}, or one that an imported module registers` +
      (nearest === null ? "" : `; did you mean "${nearest}"?`),
  );
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
