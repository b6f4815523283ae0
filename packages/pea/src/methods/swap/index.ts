/**
 * A smooth activation throughout, and ReLU swapped in; see README.md beside this file.
 *
 * @module
 */
export { SwapMethod, type SwapMethodOptions } from "./swap-method.ts";
