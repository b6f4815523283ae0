/**
 * The activations that there are: those of this package, and those that a user has added.
 *
 * @module
 */
import { PeaError } from "../error.ts";
import type { Activation, SmoothActivation } from "./activation.ts";
import { builtIn } from "./built-in.ts";

/** Names that are not listed, without hiding from an editor those that are. */
type AnyOther = string & Record<never, never>;

/** Name of an activation. */
export type ActivationName = keyof typeof builtIn | AnyOther;

/** Name of an activation that an ensemble starts with. `swish` is Swish with β = 1, also called SiLU. */
export type SmoothName = Exclude<keyof typeof builtIn, "relu"> | AnyOther;

const registry: Record<string, Activation> = { ...builtIn };

/**
 * The activations by name.
 *
 * @example activations.gelu.f(1); // 0.8413447460685429
 */
export const activations = registry as Readonly<typeof builtIn & Record<string, Activation>>;

/** The activation of a name or alias, in small letters or as papers write it (`SiLU`); null where there is none. */
export function activationNamed(name: string): Activation | null {
  const known = name.toLowerCase();
  if (Object.hasOwn(registry, known)) return registry[known] as Activation;
  return Object.values(registry).find(({ aliases }) => aliases?.includes(known)) ?? null;
}

/** The activations that an ensemble may start with. */
export function smoothActivations(): SmoothActivation[] {
  return Object.values(registry).filter(isSmooth);
}

/**
 * The activation of a name or alias that an ensemble starts with.
 *
 * @throws PeaError of kind usage where there is none
 */
export function smoothNamed(name: SmoothName): SmoothActivation {
  const found = activationNamed(name);
  if (found !== null && isSmooth(found)) return found;
  const known = smoothActivations().map(({ name }) => name);
  throw usage(`smooth must be one of ${known.join(", ")}, not ${name}`);
}

/**
 * Adds an activation, which then has its place in lists, variant codes and ensembles of plain numbers.
 *
 * @throws PeaError of kind usage where name or letter is malformed or taken
 */
export function addActivation(activation: SmoothActivation): void {
  const { name, letter, aliases = [] } = activation;
  for (const each of [name, ...aliases]) checkName(each);
  checkLetter(name, letter);
  registry[name] = activation;
}

function checkName(name: string): void {
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw usage(
      `the name of an activation must be small letters, digits and dashes, such as "soft-sign", not ${JSON.stringify(name)}`,
    );
  const other = activationNamed(name);
  if (other === null) return;
  const taken = other.name === name ? "exists already" : `exists already: it is ${other.title}`;
  throw usage(`an activation named ${name} ${taken}; choose another name`);
}

/** In a variant code: the activation that each site of the network has by itself. */
export const ownLetter = "O";

/** Letters that stand for something else: in a code `WR90` it would be read as ReLU. */
const reserved: ReadonlyMap<string, string> = new Map([
  ["R", "relu"],
  [ownLetter, "the network's own activations"],
]);

function checkLetter(name: string, letter: string): void {
  const owner = smoothActivations().find((other) => other.letter === letter)?.name;
  const isLetter = /^[A-Z]$/.test(letter);
  if (isLetter && !reserved.has(letter) && owner === undefined) return;
  const problem = !isLetter
    ? `must be a capital letter, not ${JSON.stringify(letter)}`
    : `is ${letter}, which stands for ${owner ?? reserved.get(letter)}`;
  throw usage(`the letter of activation ${name} ${problem}; free are ${freeLetters().join(", ")}`);
}

function freeLetters(): string[] {
  const taken = [...reserved.keys(), ...smoothActivations().map(({ letter }) => letter)];
  return [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((letter) => !taken.includes(letter));
}

function isSmooth(activation: Activation): activation is SmoothActivation {
  return "letter" in activation;
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
