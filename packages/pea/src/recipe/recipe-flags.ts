/**
 * The flags of the command line: one for each key of a recipe, in kebab-case.
 *
 * @module
 */
import { parse as parseYaml } from "yaml";
import type { z } from "zod";
import { kebab } from "../common/kebab.ts";
import type { KeyDescription } from "../common/settings.ts";
import { groupShape, recipeSchema } from "./recipe-schema.ts";

/** A flag of the command line that sets one key of the recipe. */
export interface RecipeFlag extends KeyDescription {
  /** Kebab-case without dashes, e.g. `batch-size`. */
  name: string;
  /** Where the value goes: one key, or a key within one (`["l2", "coef"]`). */
  path: readonly string[];
  default: unknown;
  /** The value a word of the command line stands for: the word itself where the key takes text, else a number. */
  parse(word: string): unknown;
}

/** What a flag's key is in these settings. */
export function settingAt(settings: object, path: RecipeFlag["path"]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    settings,
  );
}

/** The flags of all keys, in the recipe's order: `--l2` for `l2.coef`, `--l2-form` and the like for others in a group. */
export function recipeFlags(): RecipeFlag[] {
  return Object.entries(recipeSchema.shape).flatMap(([key, schema]) => {
    const group = groupShape(key);
    if (group === undefined) return [flagOf([key], kebab(key), schema)];
    return Object.entries(group).map(([inner, innerSchema]) =>
      flagOf([key, inner], inner === "coef" ? key : `${key}-${kebab(inner)}`, innerSchema),
    );
  });
}

function flagOf(path: readonly string[], name: string, schema: z.ZodType): RecipeFlag {
  const initial = schema.safeParse(undefined).data;
  return {
    ...(schema.meta() as unknown as KeyDescription),
    name,
    path,
    default: initial,
    parse(word) {
      if (path[0] === "modelOptions") return parseOptions(word);
      // `ema, mixup: 0.4` is a list without brackets, too.
      if (path[0] === "methods") return parseAsYaml(word.trim().startsWith("[") ? word : `[${word}]`, word);
      if (path[0] === "peaSites") return parseAsYaml(word, word);
      if (Array.isArray(initial)) {
        const parts = word.split(",").map((part) => part.trim());
        return schema.safeParse(parts).success ? parts : parts.map(numberOrWord);
      }
      return schema.safeParse(word).success ? word : numberOrWord(word);
    },
  };
}

function numberOrWord(word: string): string | number {
  const number = Number(word);
  return word.trim() === "" || Number.isNaN(number) ? word : number;
}

/** `a=1,b=[1,2],c=word` as `{ a: 1, b: [1, 2], c: "word" }`; the word itself where it is nothing of the kind. */
function parseOptions(word: string): unknown {
  const pairs = word.split(/,(?![^[]*\])/).map((pair) => /^\s*(\w+)\s*=\s*(.+?)\s*$/.exec(pair));
  if (pairs.includes(null)) return word;
  return Object.fromEntries(pairs.map((pair) => [pair?.[1], parseYaml(pair?.[2] ?? "")]));
}

/** What a text is in YAML; `word` where it is none. */
function parseAsYaml(text: string, word: string): unknown {
  try {
    return parseYaml(text);
  } catch {
    return word;
  }
}
