/** Windows that slide over an image. */
import type { FileNode } from "../file-node.ts";

/** Steps, padding and holes of a node's windows, all written out; padding by size becomes numbers. */
export function windowAttributes(node: FileNode, kernel: readonly number[]) {
  const ones = kernel.map(() => 1);
  const strides = node.integers("strides") ?? ones;
  const dilations = node.integers("dilations") ?? ones;
  if (strides.length !== kernel.length || strides.some((stride) => !(stride >= 1)))
    node.refuse(`its strides are [${strides}]`);
  const pads = padsOf(node, kernel, strides, dilations);
  return { kernel_shape: [...kernel], strides, dilations, pads };
}

function padsOf(
  node: FileNode,
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): number[] {
  const auto = node.text("auto_pad") ?? "NOTSET";
  const none = [...kernel, ...kernel].map(() => 0);
  if (auto === "NOTSET") return node.integers("pads") ?? none;
  if (auto === "VALID") return none;
  if (node.operator === "ConvTranspose")
    return node.refuse(`auto_pad ${auto} is not followed: export it with pads`);
  const totals = kernel.map((length, axis) => {
    const size = Number(node.shape(0)[axis + 2]);
    const stride = strides[axis] as number;
    const reach = (dilations[axis] as number) * (length - 1) + 1;
    return Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach - size);
  });
  const less = totals.map((total) => Math.floor(total / 2));
  const more = totals.map((total) => Math.ceil(total / 2));
  return auto === "SAME_LOWER" ? [...more, ...less] : [...less, ...more];
}
