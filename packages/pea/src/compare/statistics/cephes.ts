/**
 * Special functions of the Cephes library: the regularized incomplete beta function I_x(a, b), its inverse in x, and
 * ln Γ. Loaded as CommonJS, which compiles the WebAssembly at once; the ES module would have to be awaited.
 *
 * @module
 */
import { createRequire } from "node:module";

type Cephes = typeof import("cephes", { with: { "resolution-mode": "require" }});
export const { incbet, incbi, lgam } = createRequire(import.meta.url)("cephes") as Cephes;
