/** Activations that an operator computes itself. */
import type { QuantizedSite } from "@pea/graph";
import { fusedActivations } from "../schema.ts";

/** The code of a node's fused activation. */
export const fusedOf = ({ node }: QuantizedSite): number => fusedActivations[node.fused ?? "none"];
