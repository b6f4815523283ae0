import { add, call, clamp, mul, reshape, scope, type Tensor } from "@pea/torch";

/**
 * The confusion matrix of some pixels, see `ConfusionMatrix`.
 *
 * @param answers int64, class numbers; as labels, all from `classes` on is not evaluated
 * @param labels int64, of the same shape
 * @returns int64 [(classes + 1)²]
 */
export function confusion(answers: Tensor, labels: Tensor, classes: number): Tensor {
  return scope(() => {
    const row = clamp(labels, { max: classes });
    const column = clamp(answers, { max: classes });
    const cells = reshape(add(mul(row, classes + 1), column), [-1]);
    return call("aten::bincount", cells, null, (classes + 1) ** 2);
  });
}
