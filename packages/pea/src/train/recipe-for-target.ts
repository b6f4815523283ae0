import type { Scheme, SchemeWishes } from "@pea/graph";
import { isIntegerTarget, type Target } from "../export/target.ts";
import { chooseMethod, entryOf } from "../methods/chosen-method.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * A recipe whose methods round numbers as a target wants them, where it, or what takes its file, computes in integers.
 *
 * @throws PeaError of kind usage where a method's settings are of numbers that the target has not
 */
export function recipeForTarget(recipe: Recipe, target: Target): Recipe {
  const schemeOf = schemesOf(target);
  if (schemeOf === undefined) return recipe;
  const methods = recipe.methods.map((entry) => {
    const { descriptor, settings } = chooseMethod(entry);
    if (descriptor.forIntegers === undefined) return entry;
    return entryOf({ descriptor, settings: descriptor.forIntegers(settings, schemeOf) });
  });
  return { ...recipe, methods };
}

/** What a target makes of wishes; of a file of floats, what takes it has one way to quantize. */
function schemesOf(target: Target): ((wishes: SchemeWishes) => Scheme) | undefined {
  if (isIntegerTarget(target)) return (wishes) => target.scheme(wishes);
  const { trainingScheme } = target;
  return trainingScheme && (() => trainingScheme);
}
