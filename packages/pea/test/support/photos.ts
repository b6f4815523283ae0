/** A folder of photos that a test can train on in a second. */
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { noiseImage, writeFiles } from "./images.ts";

/**
 * Writes four images of each of two classes into a training and a test part.
 *
 * @returns a recipe for them
 */
export async function writePhotos(folder: string): Promise<RecipeInput> {
  const names = ["train", "val"].flatMap((part) =>
    ["cat", "dog"].flatMap((label) => [0, 1, 2, 3].map((i) => `${part}/${label}/${i}.jpg`)),
  );
  const images = await Promise.all(names.map((_, i) => noiseImage(i, 16, 16)));
  writeFiles(folder, Object.fromEntries(names.map((name, i) => [name, images[i] as Buffer])));
  return {
    model: "mobilenet-0.02-small",
    data: "imagefolder",
    dataDir: folder,
    imageSize: 16,
    epochs: 1,
  };
}
