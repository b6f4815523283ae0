import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { scope, tensor } from "@pea/torch";
import type { Dataset } from "./dataset.ts";
import { debianFashionMnistDirectory } from "./fashion-mnist-directory.ts";
import { readIdx } from "./idx.ts";

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
export function loadFashionMnist({ dir = debianFashionMnistDirectory }: { dir?: string } = {}): FashionMnist {
  return scope(() => ({ train: loadPart(dir, "train"), test: loadPart(dir, "t10k") }));
}

function loadPart(dir: string, part: "train" | "t10k"): Dataset {
  const imagesPath = find(dir, `${part}-images-idx3-ubyte`);
  const labelsPath = find(dir, `${part}-labels-idx1-ubyte`);
  const images = readIdx(imagesPath, 3);
  const labels = readIdx(labelsPath, 1);
  const [count, height, width] = images.shape as [number, number, number];
  if (height !== side || width !== side) {
    throw new PeaError(`${imagesPath} holds images of ${height}×${width} pixels instead of ${side}×${side}`);
  }
  if (count !== labels.data.length) {
    throw new PeaError(
      `${imagesPath} holds ${count} images but ${labelsPath} ${labels.data.length} labels: they are not of one set`,
    );
  }
  if (count === 0) throw new PeaError(`${imagesPath} holds no image`);
  const wrong = labels.data.findIndex((label) => label >= fashionMnistClasses.length);
  if (wrong !== -1) {
    throw new PeaError(
      `${labelsPath} has the label ${labels.data[wrong]} at index ${wrong}; ` +
        `labels run from 0 to ${fashionMnistClasses.length - 1}`,
    );
  }
  return {
    images: tensor(images.data, { shape: [count, 1, height, width] }),
    labels: tensor(BigInt64Array.from(labels.data, BigInt)),
    classes: classNames(labels.data),
  };
}

/** The names of the clothes, if the labels are those of Fashion-MNIST; else nothing is known of what they mean. */
function classNames(labels: Uint8Array): readonly string[] {
  const isFashionMnist = labelDigests.includes(createHash("sha256").update(labels).digest("hex"));
  return isFashionMnist ? fashionMnistClasses : fashionMnistClasses.map((_, label) => `${label}`);
}

function find(dir: string, name: string): string {
  const candidates = [join(dir, `${name}.gz`), join(dir, name)];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new PeaError(
    `Fashion-MNIST is not in ${dir}: neither ${name}.gz nor ${name} is there. ` +
      "Install it with `sudo apt-get install dataset-fashion-mnist`, " +
      "or give the folder of the four IDX files with --data-dir.",
    { kind: "usage" },
  );
}
