/**
 * What is to be said of a form in which a deployed network leaves.
 *
 * @module
 */
import type { Graph, QuantizedGraph, Scheme, SchemeWishes } from "@pea/graph";
import type { Module, Tensor } from "@pea/torch";
import type { DeployedSession } from "./onnx/session.ts";

/** What is known of a network beside its graph. */
export interface About {
  /** Facts to keep in the file, by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Version of this software. */
  readonly producerVersion: string;
  /** Version of the operators, of a target that has `opsets`. */
  readonly opset?: number;
}

/** What a file holds. */
export type FileContent = Uint8Array | string;

/** What is written: one file, or those of a folder by their paths in it. */
export type Content = FileContent | Readonly<Record<string, FileContent>>;

/** What a file was made of, to verify it by. */
export interface Original<G extends Graph = Graph> {
  /** As it was written. */
  readonly graph: G;
  /** With ReLU at every site, on the CPU. */
  readonly model: Module;
  /** Some of what the network is fed with, [count, ...]. */
  readonly inputs: Tensor;
}

/** What all forms have. */
interface Form<G extends Graph, Proof extends object> {
  /** Small letters, digits and dashes. */
  readonly name: string;
  /** As texts call it. */
  readonly title: string;
  /** Name of its file, or of its folder, in a run's folder. */
  readonly file: string;
  /** Versions of its operators, where there are several to choose from. */
  readonly opsets?: readonly number[];
  /** What the file holds, or the folder. */
  write(graph: G, about: About): Content | Promise<Content>;
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
export interface FloatTarget<Proof extends object = object> extends Form<Graph, Proof> {
  /** Floats have none. */
  readonly scheme?: undefined;
  /** Why it does not take a network, in a sentence that names operator and module; null where it does. */
  obstacle(graph: Graph): string | null;
}

/** A form that computes in integers. */
export interface IntegerTarget<Proof extends object = object> extends Form<QuantizedGraph, Proof> {
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
  obstacle(graph: Graph): string | null;
  /** What was written, as it computes: images of floats in, logits of floats out. */
  open(path: string, graph: QuantizedGraph): Promise<DeployedSession>;
}

/** One form. */
export type Target<Proof extends object = object> = FloatTarget<Proof> | IntegerTarget<Proof>;

/** Whether a form computes in integers. */
export function isIntegerTarget<Proof extends object>(target: Target<Proof>): target is IntegerTarget<Proof> {
  return target.scheme !== undefined;
}
