/**
 * Diagnostics of a run; see docs/weighted-transition.md for what they were made for.
 *
 * @module
 */
export {
  type DiagnosticsRow,
  type GradientNorms,
  type NormMismatch,
  readDiagnostics,
  type SiteStatistics,
  type ViewDiagnostics,
} from "./row.ts";
