import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { weighted } from "@pea/core";
import type { Browser, Page } from "playwright-core";
import { writeReport } from "../../src/report/report.ts";
import { openFile, skipBrowser, startBrowser } from "../support/chromium.ts";
import { madeResults, writeResults } from "../support/made-study.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const sizes = [1280, 390].map((width) => ({ width, height: 900 }));

describe("the report on a study, in Chromium", { skip: skipBrowser }, () => {
  const folder = temporaryFolder();
  const file = join(folder, "report.html");
  let browser: Browser;
  before(async () => {
    const small = { variants: ["ReLU", "WM90%", "mish"], seeds: 3 };
    writeResults(folder, [
      ...madeResults({ network: "mobilenet-0.25-small" }),
      ...madeResults({ network: "erfnet", dataset: "cityscapes", metric: "miou", level: 54, ...small }),
    ]);
    await writeReport([folder]);
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  const open = async (options: Parameters<typeof openFile>[2]) => openFile(browser, file, options);
  /** Names at the ends of the lines in a chart. */
  const namesIn = (page: Page, id: string) =>
    page.locator(`#${id} svg text`).evaluateAll((texts) => texts.map(({ textContent }) => textContent ?? ""));

  for (const viewport of sizes)
    for (const colorScheme of ["light", "dark"] as const)
      test(`is whole at ${viewport.width} px in ${colorScheme} colours`, async () => {
        const { page, complaints } = await open({ viewport, colorScheme });
        assert.match(await page.locator(".headline").first().innerText(), /of 14 PEA variants above ReLU/);
        assert.equal(await page.locator(".chart svg").count(), 8);
        assert.equal(
          await page.evaluate("document.documentElement.scrollWidth"),
          viewport.width,
          "nothing is wider than the window",
        );
        const [paper, text] = (await page.evaluate(
          "[getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.body).color]",
        )) as string[];
        assert.ok(brightness(paper) > brightness(text) === (colorScheme === "light"));
        assert.ok(Math.abs(brightness(paper) - brightness(text)) > 0.7);
        assert.deepEqual(complaints, []);
        await page.close();
      });

  test("draws the variants that are chosen, by mouse or keyboard", async () => {
    const { page, complaints } = await open({ viewport: sizes[0] });
    const chart = "group-1-accuracy";
    assert.ok((await namesIn(page, chart)).includes("ReLU"));
    assert.ok(!(await namesIn(page, chart)).includes("WE90%"));
    const section = page.locator("#group-1");
    await section.getByRole("checkbox", { name: "WE90%" }).focus();
    await page.keyboard.press("Space");
    assert.ok((await namesIn(page, chart)).includes("WE90%"));
    await section.getByRole("button", { name: "none" }).click();
    assert.ok(!(await namesIn(page, chart)).includes("ReLU"));
    await section.getByRole("button", { name: "all" }).click();
    assert.ok((await namesIn(page, chart)).includes("SG90%"));
    assert.ok((await namesIn(page, "group-2-accuracy")).includes("WM90%"), "the other network is left alone");
    await section.getByRole("checkbox", { name: "whole range" }).check();
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test("tells what lies under the pointer", async () => {
    const { page, complaints } = await open({ viewport: sizes[0] });
    await page.locator("#group-1-accuracy").hover({ position: { x: 500, y: 200 } });
    await page.getByText(/^SM75%: \d+\.\d+$/).waitFor();
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test("moves the activation with α", async () => {
    const { page, complaints } = await open({ viewport: sizes[0] });
    const slider = page.getByRole("slider", { name: "α" });
    /** f(−1) as it is drawn. */
    const drawn = () =>
      page.locator('[data-part="f"] .ensemble').evaluate((path) => {
        const { low, high, height, width } = path.parentElement.dataset;
        const points = (path.getAttribute("d") as string).slice(1).split("L");
        const at = (3 / 7) * Number(width);
        const [, y] = (points.map((point) => point.split(" ").map(Number)) as [number, number][]).reduce(
          (a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a),
        );
        return Number(high) - (y / Number(height)) * (Number(high) - Number(low));
      });
    const expect = async (alpha: number, smooth: "mish" | "elu") =>
      assert.ok(Math.abs((await drawn()) - weighted(-1, alpha, smooth)) < 0.01);
    await expect(0.5, "mish");
    await slider.press("End");
    await expect(1, "mish");
    await slider.press("Home");
    await expect(0, "mish");
    await page.getByRole("combobox").selectOption("elu");
    await expect(0, "elu");
    assert.match(await page.locator("#mixture").innerText(), /^0\.00 · ReLU \+ 1\.00 · ELU$/);
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test("shows curves and activation without scripts", async () => {
    const { page, complaints } = await open({ viewport: sizes[0], javaScriptEnabled: false });
    assert.ok(await page.locator("#group-1-accuracy svg").isVisible());
    assert.ok(await page.locator("#shapes svg .ensemble").first().isVisible());
    assert.ok(!(await page.getByRole("slider").isVisible()));
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test("fits on paper, in dark text on white", async () => {
    const { page } = await open({ viewport: sizes[0], colorScheme: "dark" });
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    assert.ok(brightness((await page.evaluate("getComputedStyle(document.body).color")) as string) < 0.3);
    const pdf = (await page.pdf({ format: "A4" })).toString("latin1");
    const pages = pdf.match(/\/Type \/Page\b/g)?.length ?? 0;
    assert.ok(pages >= 3 && pages <= 12, `${pages} pages`);
    await page.close();
  });
});

/** From 0, black, to 1. */
function brightness(color: string | undefined): number {
  const [red = 0, green = 0, blue = 0] = (color?.match(/\d+/g) ?? []).map(Number);
  return (red + green + blue) / (3 * 255);
}
