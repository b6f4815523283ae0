/**
 * Options by name. JavaScript passes over what a call has too much of, so an option that is given by position or
 * under another name would be left out in silence.
 *
 * @module
 */
import { describe, TorchError } from "./error.ts";
import { Tensor } from "./tensor.ts";

/** The names in a usage such as `flatten(x, { startDim, endDim })`. */
type NamesIn<Usage extends string> = Usage extends `${string}{ ${infer Names} }${string}`
  ? Each<Names>
  : never;
type Each<Names extends string> = Names extends `${infer First}, ${infer Rest}` ? First | Each<Rest> : Names;

/** What everything fits where the two are the same names, and nothing where they are not. */
type IfSame<A, B> = [A, B] extends [B, A] ? unknown : never;

/**
 * The options that a function was given, checked.
 *
 * @param usage the call as it is to be written, with the names of all options: `flatten(x, { startDim, endDim })`. The
 * first is taken to be meant where options are given by position. Names that are not those of the type do not compile.
 * @throws TorchError with the right call for what is no object of options, and for the name of none of them
 */
export function optionsOf<Options extends object, const Usage extends string>(
  usage: Usage & IfSame<NamesIn<Usage>, keyof Options>,
  options: Options,
): Options {
  const [begin, end] = [usage.indexOf("{ "), usage.lastIndexOf(" }")];
  const names = usage.slice(begin + 2, end).split(", ");
  const caller = usage.slice(0, usage.indexOf("(")).replace("new ", "");
  if (!isObject(options)) {
    const call = `${usage.slice(0, begin)}{ ${names[0]}: ${written(options)}${usage.slice(end)}`;
    throw new TorchError(`${caller} takes its options as an object: ${call}${others(names)}`);
  }
  for (const name of Object.keys(options))
    if (!names.includes(name))
      throw new TorchError(`${caller} has no option ${name}, but ${names.join(", ")}`);
  return options;
}

const others = ([, ...rest]: readonly string[]) =>
  rest.length === 0 ? "" : ` (other options: ${rest.join(", ")})`;

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Tensor);
}

/** A value as it stands in a program; under which name a tensor stands there is not known. */
export function written(value: unknown): string {
  if (value === undefined || value instanceof Tensor) return "…";
  return Array.isArray(value) ? `[${value.map(written).join(", ")}]` : describe(value);
}
