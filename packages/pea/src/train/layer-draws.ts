/**
 * What a network's own layers draw where several ranks train it.
 *
 * @module
 */
import {
  Dropout,
  Dropout2d,
  getRngState,
  keep,
  type Module,
  manualSeed,
  noGrad,
  onForward,
  scope,
  setRngState,
  type Tensor,
  zeros,
} from "@pea/torch";
import { randomWords } from "../common/philox.ts";
import { type Place, sizesOfParts } from "../distributed/share.ts";

/** A layer that draws, and the shape of what decides how much it draws for one image. */
interface Site {
  layer: Dropout | Dropout2d;
  shape: readonly number[];
}

/**
 * The generator of one rank. One process draws dropout's masks part by part, from a generator that goes on from step to step;
 * so does each rank, which draws those of the others' parts as well and drops them. Networks that draw without such layers, and
 * devices other than the CPU, draw by seed, step and rank.
 */
export class LayerDraws {
  readonly #model: Module;
  readonly #settings: { seed: number; batchSize: number; microBatch: number; device: string };
  readonly #place: Place;
  /** In the order in which they run; known from the first step on. */
  #sites: readonly Site[] | null = null;
  /** Of the generator after the last step. */
  #state = keep(getRngState());

  /** Goes on from the state of the generator now. */
  constructor(
    model: Module,
    settings: { seed: number; batchSize: number; microBatch: number; device: string },
    place: Place,
  ) {
    this.#model = model;
    this.#settings = settings;
    this.#place = place;
  }

  /**
   * Runs the passes of this rank in a step.
   *
   * @param image what the network reads of one image, e.g. channels, height and width
   */
  during(step: number, image: readonly number[], passes: () => void): void {
    const { seed, device } = this.#settings;
    this.#sites ??= device === "cpu" ? sitesOf(this.#model, image) : [];
    if (this.#sites.length === 0) {
      const [high, low] = randomWords(seed, "ranks", step, this.#place.rank);
      manualSeed(high * 2 ** 21 + (low >>> 11));
      passes();
      return;
    }
    const end = this.#advance();
    passes();
    setRngState(end);
    this.#state.dispose();
    this.#state = end;
  }

  dispose(): void {
    this.#state.dispose();
  }

  /**
   * Draws what the parts of all ranks draw, and leaves the generator where those of this rank begin.
   *
   * @returns its state after the last part
   */
  #advance(): Tensor {
    const { rank: own, size } = this.#place;
    setRngState(this.#state);
    let begin = this.#state;
    for (let rank = 0; rank < size; rank++) {
      if (rank === own) begin = getRngState();
      for (const images of sizesOfParts(this.#settings, this.#place)) this.#draw(images);
    }
    const end = keep(getRngState());
    setRngState(begin);
    if (begin !== this.#state) begin.dispose();
    return end;
  }

  #draw(images: number): void {
    scope(() =>
      noGrad(() => {
        for (const { layer, shape } of this.#sites ?? []) layer.forward(zeros([images, ...shape]));
      }),
    );
  }
}

/** What a pass comes by in evaluation mode, but for the layers that draw: networks may pass by those that do nothing. */
function sitesOf(model: Module, image: readonly number[]): Site[] {
  const layers = [...model.namedModules().values()].filter(
    (module): module is Site["layer"] =>
      (module instanceof Dropout || module instanceof Dropout2d) && module.p > 0,
  );
  if (layers.length === 0) return [];
  const sites: Site[] = [];
  const unhook = layers.map((layer) =>
    onForward(layer, (input) => {
      const shape = input.shape.slice(1);
      sites.push({ layer, shape: layer instanceof Dropout2d ? shape.fill(1, 1) : shape });
    }),
  );
  const wasTraining = model.training;
  model.eval();
  for (const layer of layers) layer.training = true;
  try {
    scope(() => noGrad(() => model.forward(zeros([1, ...image]))));
  } finally {
    model.train(wasTraining);
    for (const off of unhook) off();
  }
  return sites;
}
