/**
 * The convolutions of a network that a batch norm follows, which methods hang layers at for as long as they train.
 *
 * @module
 */
import { BatchNorm2d, Conv2d, convolutionsBeforeBatchNorm, type Module, zeros } from "@pea/torch";

/** A convolution, the batch norm that alone reads its result, and their state-dict keys. */
export interface NormalizedConvolution {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;
  readonly paths: { readonly conv: string; readonly norm: string };
}

/**
 * In the order in which they run; found by a pass in evaluation mode.
 *
 * @param inputShape of one image
 */
export function normalizedConvolutions(
  model: Module,
  inputShape: readonly number[],
): NormalizedConvolution[] {
  const wasTraining = model.training;
  model.eval();
  try {
    const device = model.parameters()[0]?.device;
    using image = zeros([1, ...inputShape], { device });
    const paths = new Map([...model.namedModules()].map(([path, module]) => [module, path]));
    const pathOf = (module: Module) => paths.get(module) as string;
    return convolutionsBeforeBatchNorm(model, image).flatMap(([conv, norm]) =>
      conv instanceof Conv2d && norm instanceof BatchNorm2d
        ? [{ conv, norm, paths: { conv: pathOf(conv), norm: pathOf(norm) } }]
        : [],
    );
  } finally {
    model.train(wasTraining);
  }
}
