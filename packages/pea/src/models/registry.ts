/**
 * Networks by name: `<family>[-<width>][-small]`, e.g. `resnet18`, `mobilenet-0.25-small`, and the user's own.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Module } from "@pea/torch";
import { nearestName } from "../common/nearest-name.ts";
import { type Need, requireMembers, someFunction } from "../common/require-members.ts";
import { builtIn } from "./built-in.ts";
import type { CreateModelOptions, ModelEntry, ModelFactory, NetworkFamily } from "./network-family.ts";
import { commonOptions } from "./options.ts";

/** A network of the user's own. */
export interface RegisteredModel extends ModelEntry {
  create: ModelFactory;
}

const families = new Map(builtIn.map((family) => [family.name, family]));

const listedEntries: readonly ModelEntry[] = builtIn.flatMap(({ listed }) => listed);

const registered = new Map<string, RegisteredModel>();

/** The networks to show in a list: the usual built-in ones, then the registered ones. */
export function listModels(): ModelEntry[] {
  return [...listedEntries, ...registered.values()].map(({ name, description, inputShape, classes }) => ({
    name,
    description,
    inputShape,
    classes,
  }));
}

/**
 * What is known of a network of any name that `createModel` takes: for a width that no list shows, of the listed
 * network of its family and variant.
 *
 * @throws PeaError of kind usage for an unknown name (with the one that is near, or else all)
 */
export function findModel(name: string): ModelEntry {
  const own = registered.get(name);
  if (own !== undefined) return own;
  const { base, fromName } = knownName(name);
  const listed = listedEntries.find((entry) => {
    const other = parseName(entry.name);
    return other?.base === base && other.fromName.small === fromName.small;
  });
  return { ...(listed as ModelEntry), name };
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) > 0;

const needs: Readonly<Record<string, Need>> = {
  description: ["text", (value) => typeof value === "string"],
  inputShape: [
    "channels, height and width, such as [3, 224, 224]",
    (value) => Array.isArray(value) && value.length === 3 && value.every(isCount),
  ],
  classes: ["a whole number of at least 1", isCount],
  create: someFunction,
};

/**
 * Makes a network of the user's own known by its name.
 *
 * @example
 * registerModel({
 *   name: "two-layers", description: "a network for trying things out",
 *   inputShape: [1, 28, 28], classes: 10,
 *   create: ({ inputChannels = 1, classes = 10 }) => new TwoLayers(inputChannels, classes),
 * });
 *
 * @throws PeaError of kind usage when the name is taken, and for what is missing.
 */
export function registerModel(model: RegisteredModel): void {
  if (registered.has(model.name) || parseName(model.name) !== null) {
    throw new PeaError(`a model named ${model.name} exists already; choose another name`, { kind: "usage" });
  }
  requireMembers(`model ${model.name}`, model, needs);
  registered.set(model.name, model);
}

/**
 * Builds a network with fresh float32 weights drawn from the global generator (`manualSeed`).
 *
 * @throws PeaError of kind usage for an unknown name (with the one that is near, or else all) or an option the network does not have.
 */
export function createModel(name: string, options: CreateModelOptions = {}): Module {
  const own = registered.get(name);
  if (own !== undefined) return own.create(options);
  const { family, fromName } = knownName(name);
  checkOptionNames(name, options, [...commonOptions, ...family.ownOptions]);
  for (const [option, value] of Object.entries(fromName)) {
    if (options[option] !== undefined && options[option] !== value) {
      throw new PeaError(`the name ${name} sets ${option} to ${value}; leave the option ${option} out`, {
        kind: "usage",
      });
    }
  }
  return family.create({ ...options, ...fromName });
}

interface ParsedName {
  base: string;
  family: NetworkFamily;
  /** Width and variant. */
  fromName: CreateModelOptions;
}

/** A built-in name in its parts; an error, with the names there are, where it is none. */
function knownName(name: string): ParsedName {
  const parsed = parseName(name);
  if (parsed !== null) return parsed;
  const known = [...new Set([...listModels().map((entry) => entry.name), ...families.keys()])];
  throw new PeaError(`unknown model ${name}; ${hint(name, known)}; the name of an ONNX file ends in .onnx`, {
    kind: "usage",
  });
}

/** The parts of a built-in name; null when it is none. */
function parseName(name: string): ParsedName | null {
  const match = /^(?<base>[a-z0-9-]+?)(?:-(?<width>\d+(?:\.\d+)?))?(?<small>-small)?$/.exec(name);
  const { base = "", width, small } = match?.groups ?? {};
  const family = families.get(base);
  if (family === undefined || (small !== undefined && !family.ownOptions.includes("small"))) return null;
  return {
    base,
    family,
    fromName: {
      ...(width === undefined ? {} : { width: Number(width) }),
      ...(small === undefined ? {} : { small: true }),
    },
  };
}

function checkOptionNames(name: string, options: CreateModelOptions, known: readonly string[]): void {
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    throw new PeaError(`${name} has no option ${option}; ${hint(option, known)}`, { kind: "usage" });
  }
}

function hint(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === null ? `known are ${known.join(", ")}` : `did you mean ${nearest}?`;
}
