/**
 * What `pea advise` chooses among: training with ReLU all along, and ways that end in the same network.
 *
 * @module
 */
import { type ChosenMethod, chooseMethod } from "../methods/chosen-method.ts";
import { methodsOf, namedVariant, withoutDefaults } from "../recipe/method-keys.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { NamedSettings } from "../study/study-file.ts";

/** All of them turn to ReLU at this point of the run, so that they choose their best model from the same epochs. */
export const turningPoint = "75%";

/** Beside ReLU, the baseline. */
const changes: readonly NamedSettings[] = [
  namedVariant(`SM${turningPoint}`),
  namedVariant(`WG${turningPoint}`),
  { name: `Mish, ReLU from ${turningPoint}`, settings: { activation: "mish", swapToRelu: turningPoint } },
];

/** A recipe's own choice of what the candidates are of, a method such as PEA; none where it trains with ReLU all along. */
export const ownChoice = (recipe: Recipe): ChosenMethod[] => methodsOf(recipe).filter(isChosenAmong);

/**
 * The candidates for a recipe, ReLU first. They leave out its own choice of PEA, a swap or an activation; its other methods, such
 * as mixup, are part of each. Averaged weights are among them unless the recipe averages already.
 */
export function candidatesFor(recipe: Recipe): NamedSettings[] {
  const others = withoutDefaults(recipe.methods).filter((entry) => !isChosenAmong(chooseMethod(entry)));
  const none = { pea: null, activation: null, swapToRelu: null, methods: others };
  const leftOut = ownChoice(recipe).length > 0 ? none : {};
  const [baseline, ...rest] = [namedVariant("ReLU"), ...changes].map(({ name, settings }) => ({
    name,
    settings: { ...leftOut, ...settings },
  })) as [NamedSettings, ...NamedSettings[]];
  const isAveraged = methodsOf(recipe).some(({ descriptor }) => ["ema", "swa"].includes(descriptor.name));
  if (isAveraged) return [baseline, ...rest];
  const averaged = ({ name, settings }: NamedSettings): NamedSettings => ({
    name: `${name} + ema`,
    settings: { ...settings, methods: [...others, "ema"] },
  });
  return [baseline, ...rest, averaged(baseline), averaged(rest[0] as NamedSettings)];
}

const isChosenAmong = ({ descriptor }: ChosenMethod): boolean => descriptor.stage === "network";
