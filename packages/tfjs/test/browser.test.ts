import "./support/quiet.ts";
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { skipBrowser, startBrowser } from "../../pea/test/support/chromium.ts";
import { applyPea, PeaCallback } from "../src/index.ts";
import { compiled, imageModel, images, weightsOf } from "./support/models.ts";

interface Outcome {
  backend: string;
  worst: number;
  at: string;
  deployedDiffers: boolean;
  counts: number[];
  weights: number[];
}

describe("in Chromium, on software rendering", { skip: skipBrowser }, () => {
  let browser: Browser;
  let server: Server;
  let page: Page;

  before(async () => {
    const entryPoints = [new URL("support/in-browser.ts", import.meta.url).pathname];
    const { outputFiles } = await build({
      entryPoints,
      bundle: true,
      write: false,
      format: "iife",
      conditions: ["pea-source"],
      logLevel: "error",
    });
    const html = `<!doctype html><title>tfjs</title><script>${outputFiles[0]?.text.replaceAll("</script", "<\\/script")}</script>`;
    server = createServer((_, response) => response.setHeader("content-type", "text/html").end(html));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    browser = await startBrowser(["--enable-unsafe-webgpu"]);
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });
  after(async () => {
    await browser?.close();
    server?.close();
  });

  /** The same training on the cpu backend here. */
  async function trainedHere(): Promise<number[]> {
    const { xs, ys } = images();
    const model = compiled(imageModel());
    const pea = applyPea(model, { ensemble: "stochastic", smooth: "mish", seed: 5 });
    const callbacks = new PeaCallback(pea, { end: "12st", initial: "2st" });
    await model.fit(xs, ys, { batchSize: 16, epochs: 6, shuffle: false, verbose: 0, callbacks });
    return weightsOf(model);
  }

  for (const backend of ["cpu", "webgl", "webgpu"])
    test(`${backend}: mixtures are their definition, a training is the one in Node`, async () => {
      const outcome = (await page.evaluate(`run(${JSON.stringify(backend)})`)) as Outcome | null;
      assert.ok(outcome !== null, `this Chromium has no ${backend}`);
      assert.equal(outcome.backend, backend);
      assert.ok(outcome.worst < 2e-6, outcome.at);
      assert.equal(outcome.deployedDiffers, false, "the deployed view is the plain network, bit for bit");
      assert.equal(new Set(outcome.counts).size, 1, `tensors after each epoch: ${outcome.counts}`);
      const here = await trainedHere();
      const difference = Math.max(
        ...outcome.weights.map((value, i) => Math.abs(value - (here[i] as number))),
      );
      assert.ok(difference < 1e-4, `weights differ by ${difference}`);
    });
});
