/**
 * A body of smooth activations, cut out of an ONNX file, becomes one of ReLU: of Fashion-MNIST's images, without their
 * labels, it learns to give the features that it gave. See docs/import.md.
 *
 * usage: npx tsx examples/smooth-to-relu/distill-features.ts FILE VALUE [STEPS [FOLDER]]
 *   VALUE   the name of the value behind which the network is cut off
 *   FOLDER  of Fashion-MNIST (default: Debian's)
 */
import { alphaAt } from "@pea/core";
import {
  Adam,
  backward,
  cast,
  div,
  expand,
  interpolate,
  manualSeed,
  mean,
  mul,
  narrow,
  noGrad,
  scope,
  sub,
  type Tensor,
} from "@pea/torch";
import {
  applyPea,
  exportNetwork,
  finalize,
  GraphNetwork,
  importOnnx,
  loadFashionMnist,
  useKernels,
} from "pea-train";

const [file = "", output = "", count = "400", dir] = process.argv.slice(2);
const totalSteps = Number(count);
const [batchSize, size, lr] = [16, 64, 5e-4];

useKernels();
manualSeed(0);
const { train, test } = loadFashionMnist({ dir });
const { graph } = await importOnnx(file, { output, imageSize: [size, size] });
// Batch norms, where there are any, keep the file's statistics.
const [teacher, student] = [new GraphNetwork(graph).eval(), new GraphNetwork(graph).eval()];
const handle = applyPea(student, { ensemble: "weighted", smooth: "own", seed: 0 });

/** Some images from 0 to 1, larger than they are, in three equal colours. */
function imagesFrom(all: Tensor, start: number): Tensor {
  const grey = mul(cast(narrow(all, 0, start, batchSize), { dtype: "float32" }), 1 / 255);
  return expand(interpolate(grey, { size: [size, size], mode: "bilinear" }), [batchSize, 3, size, size]);
}

/** ‖student − teacher‖² / ‖teacher‖², of the features of some images. */
function lossOf(images: Tensor): Tensor {
  const wanted = noGrad(() => teacher.forward(images));
  const difference = sub(student.forward(images), wanted);
  return div(mean(mul(difference, difference)), mean(mul(wanted, wanted)));
}

/** Of images that it has not seen, with ReLU alone. */
function tellLoss(when: string): void {
  handle.alpha = 1;
  const loss = scope(() => noGrad(() => lossOf(imagesFrom(test.images, 0)).item()));
  console.log(`${when} ReLU's features differ by ${loss.toFixed(2)} of their square`);
}

tellLoss("before training");
const optimizer = new Adam(student.parameters(), { lr });
const plan = { initialSteps: 0, transitionSteps: Math.floor(totalSteps / 2), totalSteps };
const places = Number(train.images.shape[0]) - batchSize + 1;
for (let step = 0; step < totalSteps; step++) {
  handle.alpha = alphaAt(step, plan);
  handle.step = step;
  for (const group of optimizer.groups) group.lr = lr * (1 - step / totalSteps);
  scope(() => {
    optimizer.zeroGrad();
    backward(lossOf(imagesFrom(train.images, (step * batchSize) % places)));
    optimizer.step();
  });
}
tellLoss(`after ${totalSteps} steps`);

finalize(student);
const written = await exportNetwork(student, "features.onnx", { inputs: imagesFrom(test.images, 0) });
console.log(`${written.file}: ${written.operators.Relu} Relu, ${written.otherActivations.length} others`);
