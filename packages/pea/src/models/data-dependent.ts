/**
 * Which weights of a network have a shape that depends on the data: its head on the number of classes, its first
 * convolution on the number of channels. Found by building the network for other data, so that networks need not tell.
 *
 * @module
 */
import { getRngState, type Module, setRngState, type Tensor } from "@pea/torch";

/** Builds the network for data of one class, or of one channel, more. */
export type BuildVariant = (more: "class" | "channel") => Module;

/** A weight whose size along one axis depends on the data. */
export interface DependentWeight {
  key: string;
  axis: number;
}

/**
 * The weights among `weights` whose shape depends on the number of classes, or of channels. The engine's random
 * generator is left as it was.
 */
export function dependentWeights(
  weights: ReadonlyMap<string, Tensor>,
  build: BuildVariant,
  more: "class" | "channel",
): DependentWeight[] {
  const shapes = variantShapes(build, more);
  return [...weights].flatMap(([key, { shape }]) => {
    const axis = shape.findIndex((size, axis) => size !== (shapes.get(key) ?? shape)[axis]);
    return axis === -1 ? [] : [{ key, axis }];
  });
}

function variantShapes(build: BuildVariant, more: "class" | "channel"): Map<string, readonly number[]> {
  const random = getRngState();
  try {
    const variant = build(more);
    const shapes = new Map([...variant.stateDict()].map(([key, { shape }]) => [key, shape]));
    variant.dispose();
    return shapes;
  } catch {
    // Made for one number alone, a network has nothing that depends on it.
    return new Map();
  } finally {
    setRngState(random);
    random.dispose();
  }
}
