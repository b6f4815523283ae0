/**
 * What computes one node.
 *
 * @module
 */
import type { Integers } from "../quantized-graph.ts";
import type { QuantizedSite } from "../quantized-site.ts";

/** Computes outputs from inputs; an input that is left out is empty. */
export type Kernel = (inputs: readonly Integers[], outputs: readonly Integers[]) => void;

/** Makes a node's kernel: what can be known before there are inputs is computed here. */
export type KernelOf = (site: QuantizedSite) => Kernel;
