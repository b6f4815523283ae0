/** The names of settings on a command line. */
import type { PeaError } from "@pea/core";
import { type NameOfKey, SettingError } from "../common/setting-error.ts";
import { recipeFlags } from "../recipe/recipe-flags.ts";

/** A mistake in settings told by the options of the command line that it was made on; any other error as it is. */
export function namedByOptions<E>(error: E, words: readonly string[]): E | PeaError {
  return error instanceof SettingError ? error.namedBy(nameOn(words)) : error;
}

/** A key is called by its option where that was typed, and where there is no file that the key could stand in. */
function nameOn(words: readonly string[]): NameOfKey {
  const [command] = words;
  const isWithoutFile =
    command === "train" && !words.some((word) => /^(-c|--config\b|--resume\b)/.test(word));
  const typed = new Set(words.map((word) => word.split("=")[0]));
  return (key) => {
    const flag = recipeFlags().find(({ path }) => path.join(".") === key)?.name;
    if (flag === undefined) return key;
    if (typed.has(`--no-${flag}`)) return `--no-${flag}`;
    return isWithoutFile || typed.has(`--${flag}`) ? `--${flag}` : key;
  };
}
