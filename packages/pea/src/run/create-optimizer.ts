/** The optimizer a recipe asks for. */
import { Adam, type Module, type Optimizer, RAdam, SGD, type Tensor } from "@pea/torch";
import { type DecayGroups, decayGroups } from "../models/index.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** The optimizer of a network's parameters, those that decay and those that do not in a group each. */
export function createOptimizer(model: Module, recipe: Recipe): Optimizer {
  const { decayed, notDecayed } = decayOf(model, recipe);
  const group = (parameters: Tensor[], weightDecay: number) =>
    parameters.length > 0 ? [{ parameters, weightDecay }] : [];
  const groups = [...group(decayed, weightDecayOf(recipe)), ...group(notDecayed, 0)];
  const { lr } = recipe;
  if (recipe.optimizer === "adam" || recipe.optimizer === "adamw")
    return new Adam(groups, {
      lr,
      ...recipe.adam,
      decay: recipe.optimizer === "adamw" ? "decoupled" : "l2",
    });
  if (recipe.optimizer === "radam") return new RAdam(groups, { lr, ...recipe.radam });
  const { momentum, nesterov, sgdForm } = recipe;
  return new SGD(groups, { lr, momentum, nesterov, form: sgdForm });
}

function decayOf(model: Module, { l2 }: Recipe): DecayGroups {
  return l2.parameters === "all" ? { decayed: model.parameters(), notDecayed: [] } : decayGroups(model);
}

/** As the optimizers count it, in PyTorch's way: Keras' penalty has twice the gradient (spec recipes 1.4). */
function weightDecayOf({ l2: { coef, form } }: Recipe): number {
  return form === "keras" ? 2 * coef : coef;
}
