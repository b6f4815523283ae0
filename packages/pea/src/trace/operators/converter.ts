import type { AtenCall } from "../aten-call.ts";

/** Puts one call in the graph's words and names its result, or its several results in their order. */
export type Converter = (op: AtenCall) => string | readonly string[];
