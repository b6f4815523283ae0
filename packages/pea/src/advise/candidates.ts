/**
 * What `pea advise` chooses among: training with ReLU all along, and ways that end in the same network.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { methodsOf, namedVariant, withoutDefaults } from "../recipe/method-keys.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { NamedSettings } from "../study/study-file.ts";

/** All of them turn to ReLU at this point of the run, so that they choose their best model from the same epochs. */
export const turningPoint = "75%";

const pea = namedVariant(`SM${turningPoint}`);

/** Beside ReLU, the baseline. */
const changes: readonly NamedSettings[] = [
  pea,
  namedVariant(`WG${turningPoint}`),
  { name: `Mish, ReLU from ${turningPoint}`, settings: { activation: "mish", swapToRelu: turningPoint } },
];

/**
 * The candidates for a recipe, ReLU first; its own methods, such as mixup, are part of each. Averaged weights are among them
 * unless the recipe averages already.
 *
 * @throws PeaError (usage) for a recipe that has made the choice
 */
export function candidatesFor(recipe: Recipe): NamedSettings[] {
  const chosen = methodsOf(recipe);
  const network = chosen.find(({ descriptor }) => descriptor.stage === "network");
  if (network !== undefined)
    throw new PeaError(
      `the recipe chooses ${network.descriptor.name}, which is what advice is to be given on; leave it out`,
      { kind: "usage" },
    );
  const baseline = namedVariant("ReLU");
  const isAveraged = chosen.some(({ descriptor }) => ["ema", "swa"].includes(descriptor.name));
  if (isAveraged) return [baseline, ...changes];
  const methods = [...withoutDefaults(recipe.methods), "ema"];
  const averaged = ({ name, settings }: NamedSettings): NamedSettings => ({
    name: `${name} + ema`,
    settings: { ...settings, methods },
  });
  return [baseline, ...changes, averaged(baseline), averaged(pea)];
}
