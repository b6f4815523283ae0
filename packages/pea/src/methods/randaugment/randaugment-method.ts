/**
 * Training on images that operations drawn at random have changed.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { ImageChange } from "../../images/transforms/image-change.ts";
import type { FitContext, Method, MethodState } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { changeImage, module, type RandAugmentOptions } from "./rand-augment.ts";

/** Has the loader apply RandAugment to each training image, as bytes; see `changeImage`. */
export class RandAugmentMethod implements Method {
  readonly imageChange: ImageChange<RandAugmentOptions>;

  constructor(settings: RandAugmentOptions) {
    this.imageChange = { change: changeImage, module, settings };
  }

  /** @throws PeaError of kind usage where pixels have labels, which would have to move along. */
  fit({ task }: FitContext): void {
    if (task !== "segmentation") return;
    throw new PeaError(
      "randaugment does not go with segmentation: it turns and moves images, and label maps stay where they are; leave " +
        "randaugment out",
      { kind: "usage" },
    );
  }

  state(): MethodState {
    return { ...this.imageChange.settings };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
  }
}
