/**
 * A task of one's own: grades, classes in an order. What is near is less wrong than what is far.
 *
 *     npx pea-train train --import examples/own-task/grades.ts --data graded-parts --data-dir parts/ --pea SM75%
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  abs,
  add,
  argmax,
  eq,
  le,
  mean,
  mul,
  softmax,
  sub,
  sum,
  type Tensor,
  tensor,
  unsqueeze,
} from "@pea/torch";
import { classification, type Dataset, meanScores, registerDataset, registerTask } from "pea-train";

/** By how many grades the answers are off, as the network weighs them: Σ p·|grade − label|, [N]. */
function distance(logits: Tensor, labels: Tensor): Tensor {
  const grades = tensor(Array.from({ length: logits.shape[1] as number }, (_, grade) => grade));
  return sum(mul(softmax(logits, 1), abs(sub(grades, unsqueeze(labels, 1)))), { dim: 1 });
}

/** By how many grades the likeliest answer is off. */
const off = (logits: Tensor, labels: Tensor): Tensor => abs(sub(argmax(logits, { dim: 1 }), labels));

registerTask({
  name: "grades",
  create: (classes) => {
    const plain = classification(classes);
    return {
      ...plain,
      name: "grades",
      loss: (logits, labels, options) =>
        add(plain.loss(logits, labels, options), mean(distance(logits, labels))),
      ...meanScores({
        within1: (logits, labels) => le(off(logits, labels), 1),
        exact: (logits, labels) => eq(off(logits, labels), 0),
      }),
    };
  },
});

/** Lines of a grade and 64 grey values from 0 to 255. */
function readParts(path: string): Dataset {
  const lines = readFileSync(path, "utf8").trim().split(/\r?\n/);
  const rows = lines.map((line) => line.split(",").map(Number));
  return {
    images: tensor(Uint8Array.from(rows.flatMap(([, ...pixels]) => pixels)), {
      shape: [rows.length, 1, 8, 8],
    }),
    labels: tensor(BigInt64Array.from(rows, ([label = 0]) => BigInt(label))),
    classes: ["poor", "fair", "good", "excellent"],
  };
}

registerDataset({
  name: "graded-parts",
  title: "graded parts",
  task: "grades",
  images: "in memory",
  open: (folder) => ({
    train: readParts(join(folder, "train.csv")),
    test: readParts(join(folder, "test.csv")),
  }),
});
