/** Twenty networks that nobody wrote: what they consist of is drawn. */
import {
  AvgPool2d,
  add,
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  cat,
  Flatten,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  ReLU6,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { drawing } from "./quantized-cases.ts";
import type { NetworkCase } from "./quantized-networks.ts";

/** What goes in, beside what two layers make of it. */
class Beside extends Module {
  readonly branch: Sequential;
  readonly joined: "sum" | "channels";

  constructor(branch: Sequential, joined: "sum" | "channels") {
    super();
    this.branch = branch;
    this.joined = joined;
  }

  override forward(x: Tensor): Tensor {
    const y = this.branch.forward(x);
    return this.joined === "sum" ? add(x, y) : cat([x, y], { dim: 1 });
  }
}

function generated(seed: number): NetworkCase {
  return {
    name: `generated network ${seed}`,
    shape: [3, 32, 24],
    create: () => {
      const draw = drawing(seed + 17);
      const pick = <T>(...of: readonly T[]): T => of[Math.floor(draw() * of.length)] as T;
      const activation = () => pick(new ReLU(), new ReLU6());
      let [channels, height, width] = [3, 32, 24];
      const layers: Module[] = [];
      const convolution = (from: number, to: number, groups = 1) => {
        const size = pick(1, 3, 5);
        const dilation = size === 3 ? pick(1, 1, 2) : 1;
        return [
          new Conv2d(from, to, size, {
            padding: (dilation * (size - 1)) / 2,
            dilation,
            groups,
            bias: draw() < 0.5,
          }),
          new BatchNorm2d(to),
          activation(),
        ];
      };
      for (let depth = 0; depth < 6; depth++) {
        const canShrink = height >= 8 && width >= 8;
        switch (pick("conv", "depthwise", "sum", "channels", "stride", "max", "average", "up")) {
          case "conv": {
            const to = pick(6, 8, 12);
            layers.push(...convolution(channels, to));
            channels = to;
            break;
          }
          case "depthwise":
            layers.push(...convolution(channels, channels, channels), ...convolution(channels, 12));
            channels = 12;
            break;
          case "sum":
            layers.push(new Beside(new Sequential(...convolution(channels, channels)), "sum"), activation());
            break;
          case "channels":
            layers.push(new Beside(new Sequential(...convolution(channels, 4)), "channels"));
            channels += 4;
            break;
          case "stride":
            if (!canShrink) break;
            layers.push(new Conv2d(channels, 8, 3, { stride: 2, padding: 1 }), activation());
            [channels, height, width] = [8, Math.ceil(height / 2), Math.ceil(width / 2)];
            break;
          case "max":
            if (!canShrink) break;
            layers.push(pick(new MaxPool2d(2, { stride: 2 }), new MaxPool2d(3, { stride: 2, padding: 1 })));
            [height, width] = [Math.ceil(height / 2), Math.ceil(width / 2)];
            break;
          case "average":
            if (!canShrink) break;
            layers.push(new AvgPool2d(2, { stride: 2 }));
            [height, width] = [height / 2, width / 2];
            break;
          case "up":
            if (height >= 32) break;
            layers.push(
              new ConvTranspose2d(channels, 6, 3, { stride: 2, padding: 1, outputPadding: 1 }),
              activation(),
            );
            [channels, height, width] = [6, height * 2, width * 2];
            break;
        }
      }
      return new Sequential(...layers, new Flatten(), new Linear(channels * height * width, 7));
    },
  };
}

export const generatedNetworks: readonly NetworkCase[] = Array.from({ length: 20 }, (_, seed) =>
  generated(seed),
);
