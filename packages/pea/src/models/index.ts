/**
 * Plain ReLU networks; they know nothing of PEA.
 *
 * @module
 */
export { AlexNet, type AlexNetOptions } from "./alexnet.ts";
export { Autoencoder } from "./autoencoder.ts";
export { type DecayGroups, decayGroups } from "./decay-groups.ts";
export { DsCnn, type DsCnnOptions } from "./ds-cnn.ts";
export { EfficientNetLite0, type EfficientNetLite0Options } from "./efficientnet-lite.ts";
export {
  ErfNetClassifier,
  type ErfNetClassifierOptions,
  ErfNetSegmentation,
  type ErfNetSegmentationOptions,
} from "./erfnet.ts";
export {
  type Inspection,
  inspectNetwork,
  type Layer,
  listLayers,
  listSites,
  type ModelInfo,
  modelInfo,
  type Site,
  type SiteKind,
} from "./inspect.ts";
export { MobileNet, type MobileNetOptions } from "./mobilenet.ts";
export { MobileNetV2, type MobileNetV2Options } from "./mobilenet-v2.ts";
export type { CreateModelOptions, ModelEntry, ModelFactory } from "./network-family.ts";
export type { ModelOptions } from "./options.ts";
export { createModel, findModel, listModels, type RegisteredModel, registerModel } from "./registry.ts";
export { RegNetX200MF, RegNetX400MF } from "./regnet.ts";
export { ResNet18, ResNet50, type ResNetOptions } from "./resnet.ts";
export { ResNet8 } from "./resnet8.ts";
export { ShuffleNetV2 } from "./shufflenet-v2.ts";
export { UNet, type UNetOptions } from "./unet.ts";
