/** Element by element. */
import { type AxisOrder, channelsLast } from "../../axis-order.ts";
import type { Builtin } from "../schema.ts";
import { fusedOf } from "./fused.ts";
import type { Lower, Lowering } from "./lowering.ts";

const binary =
  (builtin: Builtin): Lower =>
  (site, lowering) => {
    const names = site.node.inputs;
    const rank = site.outputSizes().length;
    const computed = names.find((name) => !lowering.graph.constants.has(name)) ?? "";
    const order = lowering.sizes(computed).length === rank ? lowering.orderOf(computed) : channelsLast(rank);
    lowering.emit(
      builtin,
      names.map((name) => lifted(lowering, name, order)),
      [lowering.write(site.node.outputs[0] as string, order)],
      {
        fused_activation_function: fusedOf(site),
        ...(builtin !== "MUL" && { pot_scale_int16: false }),
      },
    );
  };

/** A value with as many axes as an order has: axes of length 1 before its own. */
function lifted(lowering: Lowering, name: string, order: AxisOrder): number {
  const sizes = lowering.sizes(name);
  const added = order.length - sizes.length;
  if (added === 0) return lowering.read(name, order);
  // The axes that it has, in the order in which they are to lie.
  const own = order.filter((axis) => axis >= added).map((axis) => axis - added);
  const shape = order.map((axis) => (axis < added ? 1 : (sizes[axis - added] as number)));
  const tensor = lowering.read(name, own);
  if (!lowering.graph.constants.has(name)) return lowering.reshape(tensor, shape);
  const known = lowering.tensors[tensor];
  return known === undefined ? tensor : lowering.add({ ...known, shape });
}

export const arithmetic = { Add: binary("ADD"), Sub: binary("SUB"), Mul: binary("MUL") };
