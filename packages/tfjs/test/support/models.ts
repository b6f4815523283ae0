import * as tf from "@tensorflow/tfjs";

/** A small image classifier with a ReLU in every spelling. */
export function imageModel(): tf.Sequential {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        name: "conv",
        filters: 4,
        kernelSize: 3,
        activation: "relu",
        inputShape: [8, 8, 1],
        kernelInitializer: seeded(1),
      }),
      tf.layers.batchNormalization({ name: "norm" }),
      tf.layers.reLU({ name: "relu_layer" }),
      tf.layers.depthwiseConv2d({
        name: "depthwise",
        kernelSize: 3,
        activation: "relu6",
        depthwiseInitializer: seeded(2),
      }),
      tf.layers.reLU({ name: "relu6_layer", maxValue: 6 }),
      tf.layers.activation({ name: "activation", activation: "relu" }),
      tf.layers.flatten({ name: "flat" }),
      tf.layers.dense({ name: "dense", units: 8, kernelInitializer: seeded(3) }),
      tf.layers.thresholdedReLU({ name: "threshold", theta: 0 }),
      tf.layers.dense({ name: "head", units: 3, activation: "softmax", kernelInitializer: seeded(4) }),
    ],
  });
}

const seeded = (seed: number) => tf.initializers.glorotNormal({ seed });

/** 48 images of three classes, the same ones each time. */
export function images(): { xs: tf.Tensor4D; ys: tf.Tensor2D } {
  const classes = tf.tensor1d(
    Array.from({ length: 48 }, (_, i) => i % 3),
    "int32",
  );
  return {
    xs: tf.randomNormal([48, 8, 8, 1], 0, 1, "float32", 7),
    ys: tf.oneHot(classes, 3) as tf.Tensor2D,
  };
}

export function compiled<Model extends tf.LayersModel>(model: Model): Model {
  model.compile({ optimizer: tf.train.sgd(0.05), loss: "categoricalCrossentropy" });
  return model;
}

/** A model as a file would bring it back: its topology through JSON's text, its weights through bytes. */
export async function savedAndLoaded(
  model: tf.LayersModel,
  options?: tf.io.SaveConfig,
): Promise<{
  model: tf.LayersModel;
  topology: string;
}> {
  const saved: tf.io.ModelArtifacts[] = [];
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved.push(artifacts);
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
    }),
    options,
  );
  const { modelTopology, weightSpecs, weightData, trainingConfig } = saved[0] as tf.io.ModelArtifacts;
  const topology = JSON.stringify(modelTopology);
  const source = tf.io.fromMemory({
    modelTopology: JSON.parse(topology),
    weightSpecs,
    weightData,
    trainingConfig,
  });
  return { model: await tf.loadLayersModel(source), topology };
}

/** All weights, one after the other. */
export function weightsOf(model: tf.LayersModel): number[] {
  return model.getWeights().flatMap((weight) => Array.from(weight.dataSync()));
}

export function outputsOf(model: tf.LayersModel, xs: tf.Tensor): number[] {
  return tf.tidy(() => Array.from((model.predict(xs) as tf.Tensor).dataSync()));
}
