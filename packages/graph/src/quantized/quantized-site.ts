/**
 * A node of a quantized graph together with all that is known of what it reads and computes.
 *
 * @module
 */
import type { Constant, Shape, Size } from "../graph.ts";
import { NodeReader } from "../operators/operator.ts";
import {
  boundsOf,
  fusedBounds,
  type Quantization,
  type QuantizedGraph,
  type QuantizedNode,
} from "./quantized-graph.ts";

export class QuantizedSite extends NodeReader {
  constructor(
    override readonly node: QuantizedNode,
    private readonly graph: QuantizedGraph,
    private readonly allShapes: ReadonlyMap<string, Shape>,
  ) {
    super(node, allShapes);
  }

  /** Sizes of an input, of which none is open. */
  sizes(index: number): readonly number[] {
    return this.input(index).map((size) => this.fixed(size));
  }

  /** Sizes of an output, of which none is open. */
  outputSizes(index = 0): readonly number[] {
    const shape = this.allShapes.get(this.node.outputs[index] as string);
    return (shape ?? this.refuse("its shape is not inferred")).map((size: Size) => this.fixed(size));
  }

  /** How an input's integers stand for numbers. */
  quantization(index: number): Quantization {
    return this.named(this.node.inputs[index]);
  }

  /** How an output's integers stand for numbers. */
  outputQuantization(index = 0): Quantization {
    return this.named(this.node.outputs[index]);
  }

  /** An input that is known; undefined where it is computed, or left out. */
  constant(index: number): Constant | undefined {
    return this.graph.constants.get(this.node.inputs[index] ?? "");
  }

  /** An input that must be known. */
  known(index: number, what: string): Constant {
    return this.constant(index) ?? this.refuse(`its ${what} is not a constant`);
  }

  /** The least and the greatest integer of the output, once its fused activation is computed. */
  outputBounds(): readonly [least: number, greatest: number] {
    const { type, scales, zeroPoints } = this.outputQuantization();
    const [least, greatest] = boundsOf(type);
    const [scale = 1] = scales;
    const [zeroPoint = 0] = zeroPoints;
    const { fused } = this.node;
    if (fused === undefined) return [least, greatest];
    const { max = Number.POSITIVE_INFINITY }: { min: number; max?: number } = fusedBounds[fused];
    return [Math.max(least, zeroPoint), Math.min(greatest, zeroPoint + Math.round(Math.fround(max / scale)))];
  }

  /** @throws PeaError where input and output do not have the same scale and zero point, naming the node */
  requireSameQuantization(): void {
    const output = this.outputQuantization();
    this.node.inputs.forEach((name, index) => {
      if (name !== "" && !areSame(this.quantization(index), output))
        this.refuse(
          `scale and zero point of what it reads and computes must be the same, not ${told(this.quantization(index))} and ${told(output)}`,
        );
    });
  }

  private named(name: string | undefined): Quantization {
    return (
      this.graph.quantizations.get(name ?? "") ??
      this.refuse(`${name ?? "an input that it lacks"} has no quantization`)
    );
  }
}

/** Whether two stand for the same numbers. */
export function areSame(a: Quantization, b: Quantization): boolean {
  return a.type === b.type && a.scales[0] === b.scales[0] && a.zeroPoints[0] === b.zeroPoints[0];
}

const told = ({ type, scales, zeroPoints }: Quantization): string =>
  `${type} of scale ${scales[0]} and zero point ${zeroPoints[0]}`;
