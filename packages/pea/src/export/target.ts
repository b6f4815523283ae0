/**
 * What is to be said of a form in which a deployed network leaves.
 *
 * @module
 */
import type { Graph, Obstacle, QuantizedGraph, Scheme, SchemeWishes } from "@pea/graph";
import type { Module, Tensor } from "@pea/torch";
import type { DeployedSession } from "./deployed-session.ts";

/** What is known of a network beside its graph. */
export interface About {
  /** Facts to keep in the file, by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Version of this software. */
  readonly producerVersion: string;
  /** Version of the operators, of a target that has `opsets`. */
  readonly opset?: number;
}

/** What the inputs and outputs of a file in integers are: its own integers, bytes from 0 to 255, or numbers. */
export const endTypes = ["int8", "uint8", "float32"] as const;
export type EndType = (typeof endTypes)[number];

/** Names of what a user may ask of a target in integers. */
export const integerSettings = [
  "inputType",
  "outputType",
  "litert",
  "macs",
  "vela",
  "systemConfig",
  "memoryMode",
] as const satisfies readonly (keyof IntegerSettings)[];

/** Those of a form. */
export function settingsOf(form: IntegerSettings): IntegerSettings {
  return Object.fromEntries(integerSettings.map((name) => [name, form[name]]));
}

/** What a user may ask of a target in integers; each has what it names in `takes`. */
export interface IntegerSettings {
  /** `int8` by default, which stands for int16 in a network that computes in 16 bits. */
  readonly inputType?: EndType;
  readonly outputType?: EndType;
  /** Multiply-accumulates that an NPU does in a cycle. */
  readonly macs?: number;
  /** The command of Vela, the compiler for Arm's Ethos-U; `vela` by default, where there is such a command. */
  readonly vela?: string;
  /** Names of a system configuration and a memory mode in Vela's own `Arm/vela.ini`; Vela's choice for the chip by default. */
  readonly systemConfig?: string;
  readonly memoryMode?: string;
  /** The command of a Python that has LiteRT, to run the file in; by default one that is found to have it. */
  readonly litert?: string;
}

/** What a user asks of a target. */
export interface Asked extends SchemeWishes, IntegerSettings {
  /** Images that the file takes at a time; by default their number is open. */
  readonly batch?: number;
  /** Version of the operators. */
  readonly opset?: number;
}

/** What is known of a network of integers beside its graph. */
export interface IntegerAbout extends About, IntegerSettings {
  /** Some of what the network is fed with, [count, ...] row-major, to keep a few beside the file. */
  readonly samples: { readonly values: Float32Array; readonly shape: readonly number[] };
}

/** What a file holds. */
export type FileContent = Uint8Array | string;

/** What is written: one file, or those of a folder by their paths in it; undefined is one that it may have, and now has not. */
export type Content = FileContent | Readonly<Record<string, FileContent | undefined>>;

/** What a file was made of, to verify it by. */
export interface Original<G extends Graph = Graph> {
  /** As it was written. */
  readonly graph: G;
  /** With ReLU at every site, on the CPU. */
  readonly model: Module;
  /** Some of what the network is fed with, [count, ...]. */
  readonly inputs: Tensor;
  /** What was asked of a target in integers. */
  readonly settings?: IntegerSettings;
}

/** Where a chip runs a network. */
export interface Placement {
  /** The chip, as its tools call it. */
  readonly device: string;
  /** What it leaves to the processor beside it; none where it runs all. */
  readonly onProcessor: readonly Obstacle[];
  /** What else is to be known, a line each. */
  readonly remarks: readonly string[];
}

/** What a network costs on a chip, with ReLU and with others in its place. */
export interface Estimates {
  /** Who says so, and for which circumstances, in words. */
  readonly by: string;
  /** ReLU first. */
  readonly activations: readonly ActivationEstimate[];
}

/** The same network with one activation. */
export interface ActivationEstimate {
  readonly activation: string;
  /** Cycles of the chip, and of all, memory included; operators on it and beside it. Where the compiler refuses it, its words. */
  readonly cost:
    | {
        readonly npuCycles: number;
        readonly totalCycles: number;
        readonly milliseconds: number;
        readonly npuOperators: number;
        readonly cpuOperators: number;
      }
    | { readonly refused: string };
}

/** What all forms have. */
interface Form<G extends Graph, A extends About, Proof extends object> {
  /** Small letters, digits and dashes. */
  readonly name: string;
  /** As texts call it. */
  readonly title: string;
  /** Name of its file, or of its folder, in a run's folder. */
  readonly file: string;
  /** Versions of its operators, where there are several to choose from. */
  readonly opsets?: readonly number[];
  /** Whether a file can be had that takes images with channels last. */
  readonly hasLayouts?: boolean;
  /**
   * Looks at what is asked of it, before anything is computed.
   *
   * @throws PeaError of kind usage for what it has not, and tools that are not there
   */
  check?(asked: Asked): void | Promise<void>;
  /** What the file holds, or the folder. */
  write(graph: G, about: A): Content | Promise<Content>;
  /**
   * Proves that what was written computes what the network computes, as far as this form can tell.
   *
   * @param path of the file or folder
   * @throws PeaError where it does not: it is then removed
   */
  verify(path: string, original: Original<G>): Promise<Proof>;
  /** What was proven, a line each. */
  describe(proof: Proof): readonly string[];
}

/** A form whose numbers are floats. */
export interface FloatTarget<Proof extends object = object> extends Form<Graph, About, Proof> {
  /** Floats have none. */
  readonly scheme?: undefined;
  /** Why it does not take a network, in a sentence that names operator and module; null where it does. */
  obstacle(graph: Graph): string | null;
  /** All nodes that it does not take; where left out, `obstacle` alone is asked. Smooth activations are found before. */
  obstacles?(graph: Graph): readonly Obstacle[];
  /** How what takes the file quantizes it: a network is trained so with rounded numbers. Where left out, as is usual. */
  readonly trainingScheme?: Scheme;
}

/** A form that computes in integers. */
export interface IntegerTarget<Proof extends object = object>
  extends Form<QuantizedGraph, IntegerAbout, Proof> {
  /** The settings that it has; none where it is left out. */
  readonly takes?: readonly (keyof IntegerSettings)[];
  /**
   * How it wants numbers quantized.
   *
   * @throws PeaError of kind usage for wishes that it cannot fulfil
   */
  scheme(wishes: SchemeWishes): Scheme;
  /**
   * Why it does not take a network, as above.
   *
   * @param graph as it will be quantized (`prepare`), still of floats
   */
  obstacle(graph: Graph, scheme: Scheme): string | null;
  /** All nodes that it does not take, as above; what has no integer form is found before. */
  obstacles?(graph: Graph, scheme: Scheme): readonly Obstacle[];
  /**
   * Where a chip runs a network, told before it is trained. Ranges of the graph's values are assumed ones; weights may be those
   * that training begins with.
   */
  place?(graph: QuantizedGraph, settings: IntegerSettings): Placement;
  /**
   * What a network that `place` was asked about costs, by the compiler that `settings` name, or the usual one.
   *
   * @param compared names of activations, as @pea/core has them, that stand in ReLU's place for comparison, where the target knows
   *   them; all that it knows where left out
   * @throws PeaError where it is not there, or fails
   */
  estimate?(
    graph: QuantizedGraph,
    settings: IntegerSettings,
    compared?: readonly string[],
  ): Promise<Estimates>;
  /** What was written, as it computes: images of floats in, logits of floats out. It is scored so. */
  open(path: string, graph: QuantizedGraph, settings: IntegerSettings): Promise<DeployedSession>;
}

/** One form. */
export type Target<Proof extends object = object> = FloatTarget<Proof> | IntegerTarget<Proof>;

/** Whether a form computes in integers. */
export function isIntegerTarget<Proof extends object>(target: Target<Proof>): target is IntegerTarget<Proof> {
  return target.scheme !== undefined;
}
