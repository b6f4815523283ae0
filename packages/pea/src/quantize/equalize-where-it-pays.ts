import { equalize, type Graph, type IntegerPlan, planIntegers, quantize, type Scheme } from "@pea/graph";
import { keep, mul, noGrad, scope, sub, sum, type Tensor } from "@pea/torch";
import { GraphNetwork } from "../import/network/graph-network.ts";
import { calibrate } from "./calibrate.ts";
import { SimulatedNetwork } from "./simulated-network.ts";

/**
 * A few images tell the noise of the answer to a few decibels only, so that what is usual stays unless the other way has at
 * most a quarter of its power: of fifteen MobileNets that was so for one, in which one channel drowned the others.
 */
const worthwhile = 1 / 4;

/** A network, and whether its channels were equalized between layers. */
export interface Equalized {
  readonly graph: Graph;
  readonly isEqualized: boolean;
}

/**
 * A network with its channels equalized between layers, or as they are, whichever serves its integers. Usual is to equalize
 * for one scale for all weights of a layer, and to leave channels that have a scale each; the other is done where its
 * answers are far less noisy.
 *
 * @param prepared as `prepare` makes it
 * @param images a few training images [B, C, H, W], standardized, float32, on the CPU
 * @throws PeaError as `planIntegers`
 */
export async function equalizeWhereItPays(
  prepared: Graph,
  images: Tensor,
  scheme: Scheme,
): Promise<Equalized> {
  const asItIs = { graph: prepared, isEqualized: false };
  const equalized = { graph: equalize(prepared), isEqualized: true };
  const [usual, other] = scheme.weights === "per tensor" ? [equalized, asItIs] : [asItIs, equalized];
  const [usualPlan, otherPlan] = [planIntegers(usual.graph), planIntegers(other.graph)];
  using exact = answersOf(new GraphNetwork(prepared), images);
  const usualNoise = await noiseOf(usualPlan, { images, exact, scheme });
  const otherNoise = await noiseOf(otherPlan, { images, exact, scheme });
  return otherNoise < worthwhile * usualNoise ? other : usual;
}

/** Σ (y − ŷ)² over the answers to some images; 0 where a value is 0 on all of them, which tells nothing. */
async function noiseOf(
  plan: IntegerPlan,
  { images, exact, scheme }: { images: Tensor; exact: Tensor; scheme: Scheme },
): Promise<number> {
  const { ranges } = await calibrate(plan, [images]);
  if ([...ranges.values()].some(({ min, max }) => min === 0 && max === 0)) return 0;
  using rounded = answersOf(new SimulatedNetwork(quantize(plan, ranges, scheme)), images);
  return scope(() => {
    const difference = sub(rounded, exact);
    return sum(mul(difference, difference), { dtype: "float64" }).item();
  });
}

/** What a network, which is then let go, says to images. */
function answersOf(network: GraphNetwork | SimulatedNetwork, images: Tensor): Tensor {
  network.to({ memoryFormat: "channels_last" });
  network.eval();
  try {
    return scope(() => noGrad(() => keep(network.forward(images))));
  } finally {
    network.dispose();
  }
}
