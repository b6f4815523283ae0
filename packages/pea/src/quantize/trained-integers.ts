import type { Ranges, Scheme } from "@pea/graph";

/** How a network was rounded while it trained. */
export interface TrainedIntegers {
  readonly scheme: Scheme;
  /** Of values of the deployed network, by their names in its graph. */
  readonly ranges: Ranges;
}

/** Whether two schemes have the same steps: int8 and uint8 number them from another end. */
export function areSameSteps(one: Scheme, other: Scheme): boolean {
  const bits = ({ activations }: Scheme) => (activations === "int16" ? 16 : 8);
  return one.weights === other.weights && one.scales === other.scales && bits(one) === bits(other);
}
