/**
 * A network as a graph of ONNX's operators: shapes, passes, measures, and the proof that ReLU is its only activation.
 *
 * @module @pea/graph
 */
export {
  type ActivationKind,
  type ActivationNode,
  activationsOf,
  answersOf,
  describeActivation,
} from "./activations.ts";
export {
  type Attributes,
  at,
  type Constant,
  elementsOf,
  floatsOf,
  formatShape,
  type Graph,
  type GraphInput,
  type GraphNode,
  isOpen,
  type Obstacle,
  type Opaque,
  type OpenSize,
  perSample,
  producersOf,
  readersOf,
  type Shape,
  type Size,
  sizeFor,
  type TensorData,
} from "./graph.ts";
export { inferShapes, outputShapes } from "./infer-shapes.ts";
export { measure, type NodeCost, peakActivations } from "./measure.ts";
export { broadcast } from "./operators/arithmetic.ts";
export { operators } from "./operators/index.ts";
export type { AttributeKind, Operator, Role } from "./operators/operator.ts";
export { NodeReader } from "./operators/operator.ts";
export { channelsLastInput } from "./passes/channels-last-input.ts";
export { fixBatch } from "./passes/fix-batch.ts";
export { foldBatchNorms } from "./passes/fold-batch-norms.ts";
export { mergePads } from "./passes/merge-pads.ts";
export { removeDeadNodes } from "./passes/remove-dead-nodes.ts";
export { smoothToRelu } from "./passes/smooth-to-relu.ts";
export { dequantize, withoutFused } from "./quantized/dequantize.ts";
export { equalize } from "./quantized/equalize.ts";
export { integerObstacles, whyNotIntegers } from "./quantized/integer-operators.ts";
export {
  type IntegerTensor,
  type Interpreter,
  interpret,
  interpreterOf,
} from "./quantized/interpreter/interpret.ts";
export { numbersOf, quantized } from "./quantized/interpreter/numbers.ts";
export { type Coordinates, coordinatesOf, resizeModeOf } from "./quantized/interpreter/resize.ts";
export { type Window, windowsOf } from "./quantized/interpreter/windows.ts";
export { type IntegerPlan, planIntegers, rangedValues, type ValueGroup } from "./quantized/plan.ts";
export { type PreparedGraph, prepare } from "./quantized/prepare/prepare.ts";
export { type NormPart, normParts } from "./quantized/prepare/split-norms.ts";
export { isStill } from "./quantized/prepare/still-channels.ts";
export { greatestWeight, powerOfTwoAbove, quantizationOf, type Range } from "./quantized/quantization.ts";
export { quantize, type Ranges } from "./quantized/quantize.ts";
export { dequantizedConstant, integers, quantizedConstant } from "./quantized/quantized-constant.ts";
export {
  boundsOf,
  type FusedActivation,
  fusedBounds,
  type Integers,
  type IntegerType,
  type Quantization,
  type QuantizedGraph,
  type QuantizedNode,
} from "./quantized/quantized-graph.ts";
export { areSame, QuantizedSite } from "./quantized/quantized-site.ts";
export {
  type ActivationType,
  activationTypes,
  requireScheme,
  type Scheme,
  type SchemeWishes,
  usualScheme,
} from "./quantized/scheme.ts";
export { smoothObstacles, whyNotReluOnly, whySmooth } from "./relu-only.ts";
export { outputAxis, scaledAlong, transposed } from "./weights.ts";
