/**
 * Residual branches left out at random; see README.md beside this file.
 *
 * @module
 */
export { StochasticDepthMethod } from "./stochastic-depth-method.ts";
