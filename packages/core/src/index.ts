export { PeaError, type PeaErrorKind, type PeaErrorOptions } from "./error.ts";
