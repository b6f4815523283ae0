import { call, type SGDUpdate } from "@pea/torch";

/**
 * SGD's update in one pass over memory and one call, what SGD of @pea/torch runs on once the kernels are loaded. Bit
 * for bit the update of plain operators.
 *
 * @returns false, having changed nothing, unless all parameters lie on the CPU in float32 or float64
 */
export function sgdStep(update: SGDUpdate): boolean {
  const { parameters, gradients, velocities, lr, momentum, weightDecay, nesterov } = update;
  const isCovered = parameters.every(
    ({ device, dtype }) => device === "cpu" && (dtype === "float32" || dtype === "float64"),
  );
  if (!isCovered) return false;
  call("pea::sgd_step_", parameters, gradients, velocities, lr, momentum, weightDecay, nesterov);
  return true;
}
