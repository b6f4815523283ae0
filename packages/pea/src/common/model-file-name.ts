/** Whether the name of a network is the path of an ONNX file. */
export function isModelFile(name: string): boolean {
  return name.toLowerCase().endsWith(".onnx");
}
