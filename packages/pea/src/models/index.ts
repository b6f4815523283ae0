/**
 * Plain ReLU networks; they know nothing of PEA.
 *
 * @module
 */
export { AlexNet, type AlexNetOptions } from "./alexnet.ts";
export { type DecayGroups, decayGroups } from "./decay-groups.ts";
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
export type { CreateModelOptions, ModelEntry, ModelFactory } from "./network-family.ts";
export type { ModelOptions } from "./options.ts";
export { createModel, findModel, listModels, type RegisteredModel, registerModel } from "./registry.ts";
export { ResNet18, ResNet50, type ResNetOptions } from "./resnet.ts";
