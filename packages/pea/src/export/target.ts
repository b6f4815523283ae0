/**
 * What is to be said of a form in which a deployed network leaves.
 *
 * @module
 */
import type { Graph } from "@pea/graph";
import type { Module, Tensor } from "@pea/torch";

/** What is known of a network beside its graph. */
export interface About {
  /** Facts to keep in the file, by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Version of this software. */
  readonly producerVersion: string;
  /** Version of the operators, of a target that has `opsets`. */
  readonly opset?: number;
}

/** What a file was made of, to verify it by. */
export interface Original {
  /** As it was written. */
  readonly graph: Graph;
  /** With ReLU at every site, on the CPU. */
  readonly model: Module;
  /** Some of what the network is fed with, [count, ...]. */
  readonly inputs: Tensor;
}

/** One form. */
export interface Target<Proof extends object = object> {
  /** Small letters, digits and dashes. */
  readonly name: string;
  /** As texts call it. */
  readonly title: string;
  /** Name of its file in a run's folder. */
  readonly file: string;
  /** Versions of its operators, where there are several to choose from. */
  readonly opsets?: readonly number[];
  /** Why it does not take a network, in a sentence that names operator and module; null where it does. */
  obstacle(graph: Graph): string | null;
  /** What the file holds. */
  write(graph: Graph, about: About): Uint8Array | string;
  /**
   * Proves that a file that was written computes what the network computes, as far as this form can tell.
   *
   * @throws PeaError where it does not: the file is then removed
   */
  verify(file: string, original: Original): Promise<Proof>;
  /** What was proven, a line each. */
  describe(proof: Proof): readonly string[];
}
