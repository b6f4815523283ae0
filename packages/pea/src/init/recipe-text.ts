/** A recipe for a data set, with each setting explained. */
import { enumerate } from "../data/sources/list-folder.ts";
import type { DataFacts } from "../recipe/data-facts.ts";
import { suggestRecipe } from "../tasks/registry.ts";

/**
 * The recipe as YAML with comments, for a file of this path.
 *
 * @param without keys that it is to leave out
 */
export function recipeText(facts: DataFacts, file: string, without: readonly string[] = []): string {
  const { parts, size, sizesDiffer } = facts;
  const images = sizesDiffer
    ? `of different sizes, most about ${size.width}×${size.height}`
    : `${size.width}×${size.height}`;
  const lines = suggestRecipe(facts.dataset.task, facts).filter(([key]) => !without.includes(key));
  return [
    `# ${parts.images.train} training and ${parts.images.test} test images of ${parts.classes.length} classes, ${images}.`,
    `# Classes: ${enumerate(parts.classes, 10).replaceAll(/\s+/g, " ")}.`,
    `# Check it with:  pea train -c ${file} --dry-run     and train with:  pea train -c ${file}`,
    "# All keys: pea help train",
    "",
    ...lines.flatMap(([key, value, comment]) => [`# ${comment}`, `${key}: ${value}`, ""]),
  ].join("\n");
}
