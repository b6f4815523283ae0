/** The same small network twice: of tfjs's layers, and of @pea/torch's modules under the same names. */
import { BatchNorm2d, Conv2d, flatten, Linear, MaxPool2d, Module, ReLU, type Tensor } from "@pea/torch";
import * as tf from "@tensorflow/tfjs";

export const classes = 3;

/** Input [batch, 10, 10, 2]. */
export function tfjsTwin(): tf.Sequential {
  const kernelInitializer = (seed: number) => tf.initializers.heNormal({ seed });
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        name: "conv",
        filters: 8,
        kernelSize: 3,
        padding: "same",
        useBias: false,
        inputShape: [10, 10, 2],
        kernelInitializer: kernelInitializer(1),
      }),
      tf.layers.batchNormalization({ name: "norm" }),
      tf.layers.reLU({ name: "relu" }),
      tf.layers.maxPooling2d({ name: "pool", poolSize: 2 }),
      tf.layers.depthwiseConv2d({
        name: "depthwise",
        kernelSize: 3,
        depthwiseInitializer: kernelInitializer(2),
        activation: "relu",
      }),
      tf.layers.flatten({ name: "flat" }),
      tf.layers.dense({
        name: "dense",
        units: 16,
        activation: "relu",
        kernelInitializer: kernelInitializer(3),
      }),
      tf.layers.dense({
        name: "head",
        units: classes,
        activation: "softmax",
        kernelInitializer: kernelInitializer(4),
      }),
    ],
  });
}

/** Input [batch, 2, 10, 10]; answers logits. */
export class TorchTwin extends Module {
  readonly conv = new Conv2d(2, 8, 3, { padding: 1, bias: false });
  readonly norm = new BatchNorm2d(8, { eps: 1e-3, momentum: 0.01 });
  readonly relu = new ReLU();
  readonly pool = new MaxPool2d(2);
  readonly depthwise = new Conv2d(8, 8, 3, { groups: 8 });
  readonly depthwiseRelu = new ReLU();
  readonly dense = new Linear(72, 16);
  readonly denseRelu = new ReLU();
  readonly head = new Linear(16, classes);

  override forward(x: Tensor): Tensor {
    const features = this.pool.forward(this.relu.forward(this.norm.forward(this.conv.forward(x))));
    const deeper = this.depthwiseRelu.forward(this.depthwise.forward(features));
    return this.head.forward(this.denseRelu.forward(this.dense.forward(flatten(deeper, { startDim: 1 }))));
  }
}
