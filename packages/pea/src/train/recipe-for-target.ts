import { isIntegerTarget, type Target } from "../export/target.ts";
import { chooseMethod, entryOf } from "../methods/chosen-method.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * A recipe whose methods round numbers as a target wants them, where it computes in integers.
 *
 * @throws PeaError of kind usage where a method's settings are of numbers that the target has not
 */
export function recipeForTarget(recipe: Recipe, target: Target): Recipe {
  if (!isIntegerTarget(target)) return recipe;
  const methods = recipe.methods.map((entry) => {
    const { descriptor, settings } = chooseMethod(entry);
    if (descriptor.forIntegers === undefined) return entry;
    return entryOf({
      descriptor,
      settings: descriptor.forIntegers(settings, (wishes) => target.scheme(wishes)),
    });
  });
  return { ...recipe, methods };
}
