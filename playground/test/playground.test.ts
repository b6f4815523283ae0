import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { activations, weighted } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { twoSidedQuantile } from "../../packages/pea/src/compare/statistics/student-t.ts";
import { skipBrowser, startBrowser } from "../../packages/pea/test/support/chromium.ts";
import { buildPlayground } from "../build.ts";
import { serve } from "../serve.ts";
import { curvesOf } from "../src/activation/curves.ts";
import { meanWithInterval } from "../src/images/statistics.ts";
import { circles, spirals } from "../src/points/data.ts";

test("the curves are core's", () => {
  const { value, derivative } = curvesOf({ smooth: "gelu", ensemble: "weighted", alpha: 0.25, beta: 1 });
  for (const [x, y] of value.at(-1)?.points ?? []) assert.equal(y, weighted(x, 0.25, "gelu"));
  for (const [x, y] of derivative[1]?.points ?? []) assert.equal(y, activations.gelu.df(x));
});

test("Swish with β = 1 is core's, and nears ReLU as β grows", () => {
  const at = (beta: number) =>
    curvesOf({ smooth: "swish", ensemble: "weighted", alpha: 0, beta }).value[1]?.points ?? [];
  for (const [x, y] of at(1)) assert.ok(Math.abs(y - activations.swish.f(x)) < 1e-12);
  const distance = (beta: number) => Math.max(...at(beta).map(([x, y]) => Math.abs(y - Math.max(x, 0))));
  assert.ok(distance(5) < distance(2) && distance(2) < distance(1));
});

test("points follow from the seed, both kinds alike, within the square", () => {
  for (const make of [spirals, circles]) {
    assert.deepEqual(make(200, 3), make(200, 3));
    assert.notDeepEqual(make(200, 3), make(200, 4));
    assert.equal(make(200, 3).filter(({ kind }) => kind === 1).length, 100);
    for (const { x, y } of make(200, 3)) assert.ok(Math.max(Math.abs(x), Math.abs(y)) < 1);
  }
});

test("intervals are Student's, for every number of seeds", () => {
  assert.deepEqual(meanWithInterval([2]), { mean: 2, half: null });
  for (let count = 2; count <= 20; count++) {
    const values = Array.from({ length: count }, (_, i) => (i * 7) % 5);
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    const error = Math.sqrt(
      values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1) / count,
    );
    const found = meanWithInterval(values);
    assert.ok(Math.abs(found.mean - mean) < 1e-12);
    assert.ok(
      Math.abs((found.half as number) / error / twoSidedQuantile(0.95, count - 1) - 1) < 1e-6,
      `${count} seeds`,
    );
  }
});

describe("the playground, in Chromium", { skip: skipBrowser }, () => {
  const folder = mkdtempSync(join(tmpdir(), "pea-playground-"));
  let browser: Browser;
  let server: Server;
  let address: string;

  before(async () => {
    await buildPlayground(folder);
    ({ server, address } = await serve(folder, 0));
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens the page; whatever it complains of, or asks others for, ends up in `complaints`. */
  async function open(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", ({ message }) => complaints.push(message));
    page.on("request", (request) => {
      if (!request.url().startsWith(address)) complaints.push(`asks for ${request.url()}`);
    });
    await page.goto(address);
    return { page, complaints };
  }

  const text = (page: Page, id: string) => page.locator(`#${id}`).innerText();
  const label = (page: Page, id: string) => page.locator(`#${id}`).getAttribute("aria-label");
  const set = (page: Page, id: string, value: string | number) =>
    page.locator(`#${id}`).evaluate((element, to) => {
      (element as HTMLInputElement).value = to;
      element.dispatchEvent(new Event("input", { bubbles: true }));
      element.dispatchEvent(new Event("change", { bubbles: true }));
    }, String(value));
  const until = (page: Page, id: string, pattern: RegExp) =>
    page.waitForFunction(
      ([at, source]) =>
        new RegExp(source as string).test(document.getElementById(at as string)?.textContent ?? ""),
      [id, pattern.source],
      { timeout: 300_000 },
    );

  test("the page is below 1.5 MB, and tfjs is in none of what its main thread loads", async () => {
    const sizes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).size] as const);
    const total = sizes.filter(([name]) => name !== "images.bin").reduce((sum, [, size]) => sum + size, 0);
    assert.ok(total < 1.5e6, `${total} bytes`);
    const { page } = await open();
    const loaded = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => name),
    );
    const scripts = loaded.filter((name) => name.endsWith(".js")).map((name) => new URL(name).pathname);
    assert.ok(scripts.length > 0);
    for (const name of scripts)
      assert.doesNotMatch(readFileSync(join(folder, name), "utf8"), /registerBackend/);
    await page.close();
  });

  for (const width of [390, 1280])
    for (const colorScheme of ["light", "dark"] as const)
      test(`fits ${width} px, ${colorScheme}`, async () => {
        const { page, complaints } = await open({ viewport: { width, height: 900 }, colorScheme });
        for (const tab of ["activation", "points", "images"]) {
          await page.click(`#tab-${tab}`);
          assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width, tab);
        }
        const colours = await page.evaluate(() => [
          getComputedStyle(document.body).backgroundColor,
          getComputedStyle(document.body).color,
        ]);
        const [paper = 0, ink = 0] = colours.map((colour) => Number(/\d+/.exec(colour)?.[0]));
        assert.equal(paper > ink, colorScheme === "light");
        assert.deepEqual(complaints, []);
        await page.close();
      });

  test("goes by the keyboard, and every control has a name", async () => {
    const { page } = await open();
    await page.focus("#tab-activation");
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator("#points").isVisible(), true);
    await page.keyboard.press("End");
    assert.equal(await page.locator("#images").isVisible(), true);
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator("#activation").isVisible(), true);
    assert.equal(await page.evaluate("document.activeElement.id"), "tab-activation");
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("input, select, button, progress, svg, canvas")]
        .filter((element) => {
          const labels = (element as HTMLInputElement).labels ?? [];
          return !element.getAttribute("aria-label") && labels.length === 0 && !element.textContent?.trim();
        })
        .map(({ id }) => id),
    );
    assert.deepEqual(nameless, []);
    await page.close();
  });

  test("the activation: values at the end of the curves are the formula's, at every alpha", async () => {
    const { page, complaints } = await open();
    await page.selectOption("#activation-smooth", "elu");
    for (const alpha of [0, 0.25, 1]) {
      await set(page, "activation-alpha", alpha);
      const ends = (await label(page, "activation-value")) as string;
      assert.match(ends, new RegExp(`ensemble ends at ${weighted(4, alpha, "elu")}`));
      assert.match(await text(page, "activation-text"), alpha === 1 ? /ReLU alone/ : /smooth|transition/);
    }
    assert.equal(await page.locator("#activation-beta-label").isVisible(), false);
    await page.selectOption("#activation-smooth", "swish");
    await set(page, "activation-alpha", 0);
    await set(page, "activation-beta", 2);
    assert.match((await label(page, "activation-value")) as string, /ensemble ends at 4(,|$)/);
    await page.selectOption("#activation-ensemble", "stochastic");
    await set(page, "activation-alpha", 0.5);
    assert.equal(await page.locator("#activation-value .dots circle").count(), 321);
    await page.click("#activation-play");
    await until(page, "activation-text", /α = 1/);
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test("points: three networks train, pause, go on and end; PEA ends as it is deployed", async (t) => {
    const { page, complaints } = await open();
    await page.evaluate(() => {
      const tasks: number[] = [];
      Object.assign(globalThis, { tasks });
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) tasks.push(duration);
      }).observe({ type: "longtask" });
    });
    await page.click("#tab-points");
    await page.selectOption("#points-data", "circles");
    await set(page, "points-steps", 500);
    await page.click("#points-start");
    await until(page, "points-status", /transition phase/);
    const tensorsEarly = await page.evaluate("document.documentElement.dataset.tensors");
    await page.click("#points-pause");
    // What was under way when the pause began arrives first.
    let paused = "";
    for (
      let now = await text(page, "points-status");
      now !== paused;
      now = await text(page, "points-status")
    ) {
      paused = now;
      await page.waitForTimeout(1000);
    }
    assert.match(paused, /step \d+ of 500/);
    await page.click("#points-pause");
    await until(page, "points-status", /Done/);
    assert.equal(
      await page.evaluate("document.documentElement.dataset.tensors"),
      tensorsEarly,
      "memory is flat",
    );
    const accuracy = (await label(page, "points-accuracy")) as string;
    const [, asItIs, deployed] = /as it is ends at (\d+ %), deployed ends at (\d+ %)/.exec(accuracy) ?? [];
    assert.equal(asItIs, deployed);
    for (const id of ["relu", "pea", "smooth"]) {
      const share = Number.parseFloat(await page.locator(`#points-${id}-score`).innerText());
      assert.ok(share > 95, `${id}: ${share} % of the circles' points`);
    }
    const longest = Math.max(0, ...((await page.evaluate("tasks")) as number[]));
    t.diagnostic(`longest task of the main thread while training: ${longest.toFixed(0)} ms`);
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test("points of one's own, by mouse and by keyboard", async () => {
    const { page, complaints } = await open();
    await page.click("#tab-points");
    await page.selectOption("#points-data", "own");
    await page.click("#points-clear");
    await page.locator("#points-relu").click({ position: { x: 60, y: 60 } });
    await page.click("#points-start");
    assert.match(await text(page, "points-status"), /points of both kinds/);
    await page.selectOption("#points-class", "1");
    await page.focus("#points-relu");
    for (const key of ["ArrowRight", "ArrowRight", "ArrowDown", "Enter"]) await page.keyboard.press(key);
    assert.match((await label(page, "points-relu")) as string, /; 2 points/);
    await set(page, "points-steps", 50);
    await page.click("#points-start");
    await until(page, "points-status", /Done/);
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test("images: seeds, their paired difference, and a plain ReLU model to take away", async () => {
    const { page, complaints } = await open({ acceptDownloads: true });
    await page.click("#tab-images");
    for (const [id, value] of [
      ["count", 100],
      ["epochs", 2],
      ["seeds", 2],
    ] as const)
      await set(page, `images-${id}`, value);
    await page.click("#images-start");
    await until(page, "images-status", /Done|failed/);
    assert.match(await text(page, "images-status"), /^Done\./);
    const rows = await page
      .locator("#images-rows tr")
      .evaluateAll((found) =>
        found.map((row) =>
          [...row.children].map(({ textContent }) =>
            Number.parseFloat((textContent ?? "").replace("−", "-")),
          ),
        ),
      );
    assert.equal(rows.length, 2);
    const differences = rows.map(([, relu, pea, difference]) => {
      assert.ok(Math.abs((pea as number) - (relu as number) - (difference as number)) < 0.11);
      return difference as number;
    });
    const { mean, half } = meanWithInterval(differences);
    const shown = (await text(page, "images-difference")).replaceAll("−", "-");
    const [, shownMean, low, high] =
      /^([+-][\d.]+), 95 % interval ([+-][\d.]+) to ([+-][\d.]+)$/.exec(shown) ?? [];
    assert.ok(Math.abs(Number(shownMean) - mean) < 0.11, shown);
    assert.ok(
      Math.abs(Number(high) - Number(low) - 2 * (half as number)) < 0.3 + (half as number) * 0.05,
      shown,
    );

    const downloads: Record<string, Buffer> = {};
    page.on("download", async (download) => {
      downloads[download.suggestedFilename()] = readFileSync(await download.path());
    });
    await page.click("#images-download");
    while (Object.keys(downloads).length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    const json = JSON.parse(String(downloads["model.json"]));
    const weightData = new Uint8Array(downloads["weights.bin"] as Buffer).buffer;
    const source = {
      modelTopology: json.modelTopology,
      weightSpecs: json.weightsManifest[0].weights,
      weightData,
    };
    await tf.setBackend("cpu");
    const model = await tf.loadLayersModel(tf.io.fromMemory(source));
    assert.deepEqual(
      model.layers.map((layer) => layer.getClassName()).filter((name) => /ReLU|nsemble/.test(name)),
      ["ReLU", "ReLU", "ReLU"],
    );
    assert.deepEqual((model.predict(tf.zeros([1, 28, 28, 1])) as tf.Tensor).shape, [1, 10]);
    assert.deepEqual(complaints, []);
    await page.close();
  });
});
