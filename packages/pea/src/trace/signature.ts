/**
 * Signatures of libtorch's operators: what their positional arguments are called, and what they are where left out.
 *
 * @module
 */
import { schema } from "@pea/torch";

/** One parameter of an operator. */
export interface Parameter {
  readonly name: string;
  /** Of a list of fixed length, e.g. `int[2]`, its length: one number stands for all of them. */
  readonly length?: number;
  /** What it is where it is left out; missing where it must be given. */
  readonly absent?: unknown;
}

const known = new Map<string, readonly Parameter[]>();

/** The parameters of an operator, in the order of its arguments. */
export function signatureOf(operator: string): readonly Parameter[] {
  const parameters = known.get(operator) ?? parseSignature(schema(operator));
  known.set(operator, parameters);
  return parameters;
}

/**
 * Reads a signature as libtorch prints it, e.g.
 * `aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], bool ceil_mode=False) -> Tensor`.
 */
export function parseSignature(text: string): Parameter[] {
  const open = text.indexOf("(");
  return splitAtCommas(text.slice(open + 1, closing(text, open)))
    .filter((part) => part !== "*" && part !== "")
    .map(parseParameter);
}

function parseParameter(text: string): Parameter {
  const [, type = "", name = "", absent] = /^(.*\S)\s+(\w+)(?:=(.*))?$/.exec(text) ?? [];
  const length = /\[(\d+)\]\??$/.exec(type)?.[1];
  return {
    name,
    ...(length !== undefined && { length: Number(length) }),
    ...(absent !== undefined && { absent: parseDefault(absent) }),
  };
}

function parseDefault(text: string): unknown {
  if (text === "None") return null;
  if (text === "True" || text === "False") return text === "True";
  if (text.startsWith("[")) return splitAtCommas(text.slice(1, -1)).filter(Boolean).map(parseDefault);
  const number = Number(text);
  return Number.isNaN(number) ? text.replace(/^["']|["']$/g, "") : number;
}

/** Place of the bracket that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let place = open; place < text.length; place++) {
    if (text[place] === "(") depth++;
    if (text[place] === ")" && --depth === 0) return place;
  }
  return text.length;
}

/** Parts between the commas that stand in no bracket. */
function splitAtCommas(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const character of text) {
    if ("([".includes(character)) depth++;
    if (")]".includes(character)) depth--;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}
