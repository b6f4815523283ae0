import { readdirSync } from "node:fs";
import { importOnnx } from "./src/import/onnx/import-onnx.ts";
import { GraphNetwork } from "./src/import/network/graph-network.ts";
import { someImages, runOnnx, largestDifference } from "./test/import/onnx/run-graph.ts";
import { noGrad, tensor, setNumThreads } from "@pea/torch";
setNumThreads(1);
for (const dir of process.argv.slice(2)) for (const f of readdirSync(dir).filter(f => f.endsWith(".onnx"))) {
  try {
    const t0 = performance.now();
    const { graph, findings } = await importOnnx(`${dir}/${f}`);
    const t1 = performance.now();
    const net = new GraphNetwork(graph).eval();
    const t2 = performance.now();
    const shape = graph.inputs[0].shape.map(s => s === "batch" ? 2 : s) as number[];
    const images = someImages(shape);
    const out = noGrad(() => net.forward(tensor(images.data, { shape })));
    let ref; try { ref = await runOnnx(`${dir}/${f}`, images); } catch (e) { const one = someImages([1, ...shape.slice(1)]); try { ref = await runOnnx(`${dir}/${f}`, one); ref = undefined; } catch {} console.log("  (fixed batch)", f); }
    const d = ref ? largestDifference(ref, { shape: out.shape, data: out.toTypedArray() as Float32Array }) : -1;
    const scale = ref ? Math.max(...Array.from(ref.data, Math.abs)) : 0;
    console.log(d < 1e-5 * Math.max(1, scale) ? "ok " : "BAD", f, d.toExponential(1), `import ${(t1-t0)|0} build ${(t2-t1)|0} ms`, [...net.namedParameters().keys()].slice(0,3).join(" "));
  } catch (e) { console.log("ERR", f, String(e.message).slice(0, 300)); }
}
