import type { Builtin } from "../schema.ts";
import * as arrange from "./arrange.ts";
import * as elements from "./elements.ts";
import type { Raise } from "./raising.ts";
import * as windows from "./windows.ts";

/** How each operator of a file is read, by its name; those that stand at the ends alone are none of these. */
export const raises: Readonly<Partial<Record<Builtin, Raise>>> = { ...arrange, ...elements, ...windows };
