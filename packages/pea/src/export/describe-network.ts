import { describeInput, type Layout } from "../images/network-input.ts";
import { variantName } from "../recipe/method-keys.ts";
import { evaluationCrop } from "../recipe/recipe.ts";
import { readRunConfig } from "../run/run-directory.ts";
import type { TrainedNetwork } from "../run/trained-run.ts";

/** What a user of the file needs to know: how to prepare images, what the outputs mean, where the file comes from. */
export function describeNetwork(
  { run, recipe, facts, checkpoint, epoch }: TrainedNetwork,
  layout?: Layout,
): Record<string, string> {
  const { environment } = readRunConfig(run);
  const { inputShape, statistics, classes, labels } = facts;
  return {
    network: recipe.model,
    method: variantName(recipe),
    alpha: "1",
    preprocessing: JSON.stringify(
      describeInput(
        {
          shape: inputShape,
          crop: evaluationCrop(recipe),
          exifOrientation: recipe.exifOrientation,
          ...statistics,
        },
        layout,
      ),
    ),
    classes: JSON.stringify(classes),
    ...(labels && { labels: JSON.stringify(labels) }),
    training: JSON.stringify({ data: recipe.data, seed: recipe.seed, checkpoint, epoch }),
    versions: JSON.stringify(environment),
  };
}
