/** Options made of a recipe's keys. */
import { Option } from "commander";
import { type RecipeFlag, recipeFlags } from "../recipe/recipe-flags.ts";
import { type Circumstance, circumstances } from "../recipe/recipe-identity.ts";
import { importOption } from "./options.ts";

/** Heading in help. */
const RECIPE = "Recipe (keys of the same names in YAML, in camelCase):";

const LETTER = "To repeat the paper, or others' code, to the letter:";

/** The flags of a recipe that a run goes on under others of. */
export function circumstanceFlags(): string {
  const taken = recipeFlags().filter(({ path: [key] }) => circumstances.includes(key as Circumstance));
  return taken.map(({ name }) => `--${name}`).join(", ");
}

/** An option for each key, and for an on/off key two. */
export const recipeOptions = (): Option[] => recipeFlags().flatMap(optionsOf);

/** An option of a command beside `train`, as a recipe's flag is explained there. */
export function sameOption(name: string): Option {
  const { help, value } = recipeFlags().find((flag) => flag.name === name) as RecipeFlag;
  return new Option(`--${name} <${value}>`, help);
}

/** The option of a recipe key. An on/off key has two; help shows the one that changes the default. */
function optionsOf(flag: RecipeFlag): Option[] {
  const group = flag.letter ? LETTER : RECIPE;
  const initial = Array.isArray(flag.default) ? flag.default.join(",") || "none" : flag.default;
  if (flag.value === undefined) {
    const on = new Option(`--${flag.name}`, flag.help);
    const off = new Option(`--no-${flag.name}`, `do not ${flag.help}`);
    (initial ? on : off).hideHelp();
    return [on.helpGroup(group), off.helpGroup(group)];
  }
  if (flag.name === "import") return [importOption(flag.help).helpGroup(group)];
  const help = initial === undefined ? flag.help : `${flag.help} (default: ${initial})`;
  return [new Option(`--${flag.name} <${flag.value}>`, help).helpGroup(group)];
}
