import type { RecipeInput } from "../../src/recipe/recipe.ts";
import "./dropout-network.ts";
import { writeTinyData } from "./tiny-data.ts";

/**
 * A recipe of a second or less, on data made here: 6 steps to an epoch, 18 in all; the transition runs from step 1 to
 * step 9.
 */
export const smallRecipe: RecipeInput = {
  model: "dropout-network",
  dataDir: writeTinyData(),
  pea: "SM50%",
  epochs: 3,
  batchSize: 32,
  lr: 0.05,
  threads: 1,
};
