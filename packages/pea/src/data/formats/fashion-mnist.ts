import { PeaError } from "@pea/core";
import { scope } from "@pea/torch";
import { sha256Of } from "../../common/sha256.ts";
import type { Dataset } from "../parts/dataset.ts";
import { fashionMnistPackage } from "./fashion-mnist-package.ts";
import { readIdxPart, requireLabels, toDataset } from "./idx-folder.ts";

/** Names of the labels 0 to 9. */
export const fashionMnistClasses = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
] as const;

/** SHA-256 of the labels of both parts, without the header of their files. */
const labelDigests: readonly string[] = [
  "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
  "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
];

const side = 28;

/** Both parts of Fashion-MNIST. The test part is for the final number alone. */
export interface FashionMnist {
  /** 60,000 samples, mixed. */
  readonly train: Dataset;
  /** 10,000 samples. */
  readonly test: Dataset;
}

/**
 * Reads Fashion-MNIST, 28×28 grey images of ten kinds of clothes, from a folder that holds
 * `{train,t10k}-images-idx3-ubyte` and `{train,t10k}-labels-idx1-ubyte`, each plain or with `.gz`
 * (facts: spec recipes 6.1). Other data in the same files, e.g. MNIST or a shortened set, are read as well; their
 * classes are named by their numbers.
 *
 * @param options.dir the folder; Debian's by default
 * @throws PeaError (usage) when the folder or a file is missing
 * @throws PeaError naming the file that is damaged, or that does not fit to its partner
 */
export function loadFashionMnist({ dir = fashionMnistPackage.path }: { dir?: string } = {}): FashionMnist {
  return scope(() => ({ train: loadPart(dir, "train"), test: loadPart(dir, "t10k") }));
}

function loadPart(dir: string, part: "train" | "t10k"): Dataset {
  const { imagesPath, labelsPath, height, width, images, labels } = readIdxPart(dir, [part], missing);
  if (height !== side || width !== side) {
    throw new PeaError(`${imagesPath} holds images of ${height}×${width} pixels instead of ${side}×${side}`);
  }
  requireLabels(labelsPath, labels, fashionMnistClasses.length);
  return toDataset({ height, width, images, labels }, classNames(labels));
}

/** The names of the clothes, if the labels are those of Fashion-MNIST; else nothing is known of what they mean. */
function classNames(labels: Uint8Array): readonly string[] {
  const isFashionMnist = labelDigests.includes(sha256Of(labels));
  return isFashionMnist ? fashionMnistClasses : fashionMnistClasses.map((_, label) => `${label}`);
}

function missing(dir: string, name: string): PeaError {
  return new PeaError(
    `Fashion-MNIST is not in ${dir}: neither ${name}.gz nor ${name} is there. ` +
      `Install it with \`${fashionMnistPackage.install}\`, ` +
      "or give the folder of the four IDX files with --data-dir.",
    { kind: "usage" },
  );
}
