import type { FileNode } from "../file-node.ts";

/** Puts one node of a file in the graph's words. */
export type Converter = (node: FileNode) => void;
