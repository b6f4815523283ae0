/**
 * Scales of values, learned while a network trains.
 *
 * @see Esser et al., Learned Step Size Quantization, 2020
 * @module
 */
import {
  boundsOf,
  type IntegerType,
  quantizationOf,
  type Range,
  type Scheme,
  type ValueGroup,
} from "@pea/graph";
import {
  copyInPlace,
  fakeQuantize,
  fakeQuantizeLearned,
  full,
  keep,
  noGrad,
  type Tensor,
  tensor,
} from "@pea/torch";
import type { Ranks } from "../../distributed/ranks.ts";
import type { MethodState } from "../method.ts";
import { TrackedRanges } from "./tracked-ranges.ts";
import { hasScale, type ValueRanges } from "./value-ranges.ts";

/** A scale that is learned; the zero point stays where the range that it began with had it. */
interface LearnedScale {
  /** float32 [1], a leaf. */
  readonly scale: Tensor;
  readonly zeroPoint: number;
  readonly type: IntegerType;
  /** SGD's, of its momentum. */
  velocity: number;
}

/** As the weights' usual one. */
const momentum = 0.9;

/**
 * One scale for each group of values, from the range of the first pass on. Its gradient is that of the loss, of each value by
 * 1 / √(N · Q) as strong, with N numbers of an image and Q integers on the wider side of 0, so that it moves by about as much
 * of itself as weights do. SGD of momentum 0.9, at the run's learning rate and without decay, moves it, at most to its half
 * in a step: it stays above 0.
 */
export class LearnedRanges implements ValueRanges {
  readonly #groups: readonly ValueGroup[];
  readonly #groupOf: ReadonlyMap<string, number>;
  readonly #scheme: Scheme;
  readonly #device: string;
  /** Of the passes before there is a scale to learn. */
  readonly #first: TrackedRanges;
  #learned: (LearnedScale | null)[];
  /** Whose scale began since ranks shared last. */
  #isNew: boolean[];

  /** @param options.device of the values; the CPU by default */
  constructor(groups: readonly ValueGroup[], { device = "cpu", ...scheme }: Scheme & { device?: string }) {
    this.#groups = groups;
    this.#groupOf = new Map(groups.flatMap(({ values }, i) => values.map((name) => [name, i] as const)));
    this.#scheme = scheme;
    this.#device = device;
    this.#first = new TrackedRanges(groups, { ...scheme, momentum: 1 });
    this.#learned = groups.map(() => null);
    this.#isNew = groups.map(() => false);
  }

  round(name: string, value: Tensor, { training }: { training: boolean }): Tensor {
    const learned = this.#learned[this.#groupOf.get(name) as number];
    if (!learned) return this.#first.round(name, value, { training });
    const { scale, zeroPoint, type } = learned;
    const [min, max] = boundsOf(type);
    if (!training) return fakeQuantize(value, scale.item(), zeroPoint, { min, max });
    const numbers = value.numel / (value.shape[0] as number);
    const wider = Math.max(max - zeroPoint, zeroPoint - min);
    return fakeQuantizeLearned(value, scale, zeroPoint, {
      min,
      max,
      gradientFactor: 1 / Math.sqrt(numbers * wider),
    });
  }

  endPass(): void {
    this.#first.endPass();
    this.#begin(this.#first.read());
  }

  /** Scales that began in this step begin with the mean of the ranks' ranges; the gradients of the others are summed. */
  async share(ranks: Ranks): Promise<void> {
    await this.#first.share(ranks);
    this.#learned.forEach((learned, i) => {
      if (!this.#isNew[i]) return;
      learned?.scale.dispose();
      this.#learned[i] = null;
    });
    this.#begin(this.#first.read());
    this.#isNew = this.#groups.map(() => false);
    const gradients = this.#learned.flatMap((learned) => learned?.scale.grad ?? []);
    await ranks.sum(gradients);
    for (const gradient of gradients) gradient.dispose();
  }

  endStep(learningRate: number): void {
    for (const learned of this.#learned) {
      const gradient = learned?.scale.grad;
      if (!learned || !gradient) continue;
      const { scale } = learned;
      learned.velocity = momentum * learned.velocity + gradient.item();
      const before = scale.item();
      const after = Math.max(before - learningRate * learned.velocity, before / 2);
      noGrad(() => copyInPlace(scale, full([1], after)));
      scale.grad = null;
    }
  }

  /** Of each the range from the least to the greatest integer, which the very scale and zero point come of again. */
  read(): Map<string, Range> {
    const learned = this.#groups.flatMap(({ sources }, i) => {
      const known = this.#learned[i];
      return known ? sources.map((name) => [name, rangeFor(known, this.#scheme)] as const) : [];
    });
    return new Map([...this.#first.read(), ...learned]);
  }

  state(): MethodState {
    const velocities = this.#groups.flatMap(({ sources: [name] }, i) => {
      const known = this.#learned[i];
      return known ? [[name, known.velocity] as const] : [];
    });
    return { ranges: JSON.stringify([...this.read()]), velocities: JSON.stringify(velocities) };
  }

  load({ ranges = "[]", velocities = "[]" }: MethodState): void {
    this.dispose();
    this.#learned = this.#groups.map(() => null);
    this.#first.load({ ranges });
    this.#begin(this.#first.read());
    this.#isNew = this.#groups.map(() => false);
    const known = new Map(JSON.parse(String(velocities)) as [string, number][]);
    this.#learned.forEach((learned, i) => {
      if (learned) learned.velocity = known.get(this.#groups[i]?.sources[0] as string) ?? 0;
    });
  }

  dispose(): void {
    for (const learned of this.#learned) learned?.scale.dispose();
  }

  /** Lets each group that has a range now, and no scale yet, learn one. */
  #begin(ranges: ReadonlyMap<string, Range>): void {
    this.#groups.forEach(({ sources: [name = ""] }, i) => {
      const range = ranges.get(name);
      if (this.#learned[i] || range === undefined || !hasScale(range)) return;
      const { type, scales, zeroPoints } = quantizationOf(range, this.#scheme);
      const scale = keep(tensor(scales, { device: this.#device, requiresGrad: true }));
      this.#learned[i] = { scale, zeroPoint: zeroPoints[0] as number, type, velocity: 0 };
      this.#isNew[i] = true;
    });
  }
}

function rangeFor({ scale, zeroPoint, type }: LearnedScale, { scales }: Scheme): Range {
  const [least, greatest] = boundsOf(type);
  const step = scale.item();
  // The type reaches one further below 0 than above, which would be another scale.
  const low = scales === "asymmetric" ? least - zeroPoint : -greatest;
  return { min: step * low, max: step * (greatest - zeroPoint) };
}
