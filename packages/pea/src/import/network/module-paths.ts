/**
 * Where in a network's tree each node's module stands: under the keys of its weights where they are keys, else under the
 * path that the file knows of it, else under a name by what it is.
 *
 * @module
 */
import type { Graph, GraphNode } from "@pea/graph";
import { Module } from "@pea/torch";
import { parentsOf } from "../../common/module-path.ts";

/** What the last part of a key is called, by the place of the weight among its node's inputs. */
const weightNames: Readonly<Record<string, readonly string[]>> = {
  BatchNormalization: ["", "weight", "bias", "running_mean", "running_var"],
};
const usualNames = ["", "weight", "bias"];

/** Operators whose constants are no layer's weights. */
const arithmetic = new Set(["Add", "Sub", "Mul", "Div"]);

/** Names of modules without a known path, by operator; any other is its operator's, in small letters. */
const shortNames: Readonly<Record<string, string>> = {
  BatchNormalization: "bn",
  ConvTranspose: "deconv",
  Gemm: "fc",
  LayerNormalization: "norm",
  MatMul: "fc",
};

/** Names that a module's own methods and settings have. */
const taken = new Set([...Object.getOwnPropertyNames(Module.prototype), "training"]);

/** Gives out paths, each once, such that no module stands where another's children do. */
export class ModulePaths {
  readonly #used = new Set<string>();
  /** Modules that keys ask for: nothing else stands there, or below. */
  readonly #ofKeys: ReadonlySet<string>;
  /** Paths that have something below them. */
  readonly #containers = new Set<string>();
  /** Keys of numbers that are no layer's weights. */
  readonly #keysOfNumbers: ReadonlySet<string>;

  constructor(private readonly graph: Graph) {
    this.#ofKeys = new Set(graph.nodes.flatMap((node) => this.#pathOfKeys(node) ?? []));
    for (const path of this.#ofKeys) this.#reserveContainers(path);
    const nodes = new Map<string, number>();
    for (const node of graph.nodes) {
      const path = this.#pathOfKeys(node) ?? cleaned(node.path);
      nodes.set(path, (nodes.get(path) ?? 0) + 1);
      if (!this.#belongsToKeys(path)) this.#reserveContainers(path);
    }
    // What several nodes come from is a module of several.
    for (const [path, count] of nodes) if (count > 1 && !this.#isOfKeys(path)) this.#containers.add(path);
    this.#keysOfNumbers = this.#findKeysOfNumbers();
    for (const key of this.#keysOfNumbers) this.#reserveContainers(key);
  }

  /** Whether numbers that are no layer's weights stand under a name of the file, as `features.1.0.layer_scale`, or `gamma`. */
  isKeyOfNumbers(name: string): boolean {
    return this.#keysOfNumbers.has(name);
  }

  /** A path of its own for a node's module. */
  take(node: GraphNode): string {
    const told = cleaned(node.path);
    const path =
      this.#free(this.#pathOfKeys(node)) ??
      (this.#belongsToKeys(told) ? null : this.#free(told)) ??
      this.#named(node);
    this.#used.add(path);
    this.#reserveContainers(path);
    return path;
  }

  /** What arithmetic alone reads, under keys below no layer. */
  #findKeysOfNumbers(): Set<string> {
    const isBelowLayer = (key: string) => parentsOf(key).some((parent) => this.#ofKeys.has(parent));
    const others = this.graph.nodes.filter(({ operator }) => !arithmetic.has(operator));
    const read = new Set(others.flatMap(({ inputs }) => inputs));
    const keys = [...this.graph.constants.keys()].filter(isPath);
    const isFree = (key: string) =>
      !parentOf(key)
        .split(".")
        .some((part) => taken.has(part));
    return new Set(keys.filter((key) => !read.has(key) && isFree(key) && !isBelowLayer(key)));
  }

  /** The module whose weights a node's constants are by their names, all of them. */
  #pathOfKeys({ operator, inputs }: GraphNode): string | null {
    const names = weightNames[operator] ?? usualNames;
    const weights = inputs.slice(1).filter((name) => name !== "" && this.graph.constants.has(name));
    const [first] = weights;
    const dot = first?.lastIndexOf(".") ?? -1;
    if (first === undefined || dot <= 0 || !isPath(first)) return null;
    const path = first.slice(0, dot);
    const isOwn = (name: string, place: number) =>
      name === "" || !this.graph.constants.has(name) || name === `${path}.${names[place]}`;
    return inputs.every((name, place) => place === 0 || isOwn(name, place)) ? path : null;
  }

  /** `layer1.relu`, `layer1.relu_1`, … */
  #named({ operator, path }: GraphNode): string {
    const name = shortNames[operator] ?? operator.toLowerCase();
    const above = this.#groupAround(cleaned(path));
    const base = above === "" ? name : `${above}.${name}`;
    for (let count = 0; ; count++) {
      const free = this.#free(count === 0 ? base : `${base}_${count}`);
      if (free !== null) return free;
    }
  }

  /** A path, or the nearest above it, that is no module with weights of its own. */
  #groupAround(path: string): string {
    const isModule = [...parentsOf(path), path].find(
      (each) => this.#used.has(each) || this.#ofKeys.has(each),
    );
    return isModule === undefined ? path : parentOf(isModule);
  }

  /** Whether a path is that of a module of keys, or lies below one. */
  #belongsToKeys(path: string): boolean {
    return [...parentsOf(path), path].some((each) => this.#ofKeys.has(each));
  }

  #isOfKeys(path: string): boolean {
    return this.graph.constants.has(`${path}.weight`);
  }

  #free(path: string | null): string | null {
    if (path === null || path === "" || this.#used.has(path) || this.#containers.has(path)) return null;
    const isBelowModule = parentsOf(path).some((parent) => this.#used.has(parent));
    return isBelowModule || path.split(".").some((part) => taken.has(part)) ? null : path;
  }

  #reserveContainers(path: string): void {
    for (const parent of parentsOf(path)) this.#containers.add(parent);
  }
}

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf(".")));

/** Whether a name consists of words and numbers joined by points; torchvision has hyphens in them, too (`block1-0`). */
const isPath = (name: string): boolean => /^\w[\w-]*(\.[\w-]+)*$/.test(name);

/** A path in which no part is called as what every module has. */
function cleaned(path: string): string {
  return path
    .split(/[./]/)
    .filter((part) => part !== "")
    .map((part) => part.replaceAll(/[^\w-]/g, "_"))
    .map((part) => (taken.has(part) ? `${part}_` : part))
    .join(".");
}
