/**
 * `npm run bench:tfjs`: what PEA's step costs in TensorFlow.js, against its own step with ReLU: on the cpu backend in
 * Node.js, and on webgl in Debian's Chromium. Beside it, for information, images per second of the same network in the
 * toolkit.
 *
 * @module
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { skipBrowser, startBrowser } from "../../packages/pea/test/support/chromium.ts";
import { estimate, median } from "../statistics.ts";
import { measureSteps, NETWORK, type StepTimes, variants } from "./steps.ts";
import { measureToolkit } from "./toolkit.ts";

const ROUNDS = 11;
/** PEA's step ÷ ReLU's, at most. */
const GOAL = 1.15;

/** The same measurement in a page of Chromium's. */
async function measureInBrowser(backend: string): Promise<StepTimes> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("in-browser.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    conditions: ["pea-source"],
    logLevel: "error",
  });
  const script = outputFiles[0]?.text.replaceAll("</script", "<\\/script");
  const server = createServer((_, response) =>
    response.setHeader("content-type", "text/html").end(`<!doctype html><script>${script}</script>`),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return (await page.evaluate(`measureSteps(${JSON.stringify(backend)}, ${ROUNDS})`)) as StepTimes;
  } finally {
    await browser.close();
    server.close();
  }
}

/** Ratios are taken within a round, whose steps share what the machine does meanwhile. */
function show({ backend, relu, pea }: StepTimes, where: string): void {
  console.log(`${backend} ${where}: ReLU ${median(relu).toFixed(1)} ms, ${perSecond(relu)} images/s`);
  for (const [index, { ensemble, smooth }] of variants.entries()) {
    const times = pea[index] ?? [];
    const ratios = times.map((time, round) => time / (relu[round] as number));
    const {
      value,
      interval: [low, high],
    } = estimate([ratios]);
    const outcome = high <= GOAL ? "met" : low > GOAL ? "missed" : "undecided";
    console.log(
      `  ${`${ensemble} ${smooth}`.padEnd(17)} × ${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})  ` +
        `${perSecond(times)} images/s  at most ${GOAL}: ${outcome}`,
    );
  }
}

const perSecond = (times: readonly number[]): string => ((1000 * NETWORK.batch) / median(times)).toFixed(0);

show(await measureSteps("cpu", ROUNDS), "in Node.js");
if (skipBrowser) console.log(`webgl: left out, ${skipBrowser}`);
else show(await measureInBrowser("webgl"), "in Chromium");
console.log(`toolkit: ReLU ${perSecond(measureToolkit(null, 10 * ROUNDS))} images/s`);
for (const variant of variants) {
  const name = `${variant.ensemble} ${variant.smooth}`.padEnd(17);
  console.log(`  ${name} ${perSecond(measureToolkit(variant, 10 * ROUNDS))} images/s`);
}
