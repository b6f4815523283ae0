/**
 * How one node of a graph is computed.
 *
 * @module
 */
import { type Constant, type GraphNode, NodeReader, type Shape } from "@pea/graph";
import { copyInPlace, type Module, noGrad, scope, type Tensor, tensor } from "@pea/torch";
import type { Place } from "../module-tree.ts";

/** Computes a node: what it reads that is no constant, in its order, to what it computes. */
export type Run = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/** Makes of a node what computes it, and the module that it needs. */
export type Layer = (node: LayerNode) => Run;

/** What a layer asks of the network that it becomes part of. */
export interface LayerHost {
  constant(name: string): Constant | undefined;
  /** Puts a module in its place; the one that is there already where another node reads the same weights. */
  place<M extends Module>(node: GraphNode, create: () => M): Place<M>;
  /**
   * Puts numbers that are no layer's weights under their own key in the file; undefined where they have none.
   *
   * @param trains else they are kept as they are
   */
  hold(name: string, trains: boolean): Tensor | undefined;
  /** Whether weights lie before a value: what is done to images before all weights is not trained. */
  isAfterWeights(name: string): boolean;
}

/** A node that is to be computed. */
export class LayerNode extends NodeReader {
  constructor(
    node: GraphNode,
    shapes: ReadonlyMap<string, Shape>,
    private readonly host: LayerHost,
  ) {
    super(node, shapes);
  }

  /** An input whose values are known. */
  constant(index: number): Constant | undefined {
    return this.host.constant(this.node.inputs[index] ?? "");
  }

  /** @throws PeaError where the input is computed */
  weight(index: number): Constant {
    return this.constant(index) ?? this.refuse(`its input ${index} is computed, where weights are expected`);
  }

  hasInput(index: number): boolean {
    return (this.node.inputs[index] ?? "") !== "";
  }

  float(name: string, absent: number): number {
    return this.int(name, absent);
  }

  isAfterWeights(index: number): boolean {
    return this.host.isAfterWeights(this.node.inputs[index] ?? "");
  }

  /** An input's known numbers under their own key in the file; undefined where they have none. */
  hold(index: number, trains: boolean): Tensor | undefined {
    return this.host.hold(this.node.inputs[index] ?? "", trains);
  }

  /** @param create makes the module, its tensors set to the file's values */
  place<M extends Module>(create: () => M): Place<M> {
    return this.host.place(this.node, create);
  }
}

/** Gives a parameter or buffer a constant's values. */
export function setValues(target: Tensor, { data }: Pick<Constant, "data">): void {
  scope(() => noGrad(() => void copyInPlace(target, tensor(data as Float32Array, { shape: target.shape }))));
}

/** One number for each axis of an image. */
export function pair(numbers: readonly number[]): readonly [height: number, width: number] {
  const [height = 0, width = 0] = numbers;
  return [height, width];
}

/**
 * Pads in libtorch's order: before and after each axis, the last axis first.
 *
 * @param pads in ONNX's: those before each axis, then those after each
 */
export function lastAxisFirst(pads: readonly number[]): number[] {
  const axes = pads.length / 2;
  return Array.from({ length: axes }, (_, i) => axes - 1 - i).flatMap((axis) => [
    pads[axis] as number,
    pads[axis + axes] as number,
  ]);
}
