/** Debian's Chromium, driven by playwright-core. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";

/** Why a test in the browser is left out, or false where the browser is there. */
export const skipBrowser = existsSync(executablePath)
  ? false
  : `${executablePath} is not installed (apt-get install chromium)`;

/**
 * Starts the browser with a fresh profile; it asks the network for nothing on its own.
 *
 * @param switches more of its switches
 */
export function startBrowser(switches: readonly string[] = []): Promise<Browser> {
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    ...switches,
  ];
  return chromium.launch({ executablePath, headless: true, args });
}

export interface OpenPage {
  page: Page;
  /** Errors and warnings of the console, uncaught errors, and addresses other than the page's own that were asked for. */
  complaints: string[];
}

/** Opens a file in a page of its own. */
export async function openFile(
  browser: Browser,
  file: string,
  options: BrowserContextOptions,
): Promise<OpenPage> {
  const page = await browser.newPage(options);
  const address = `file://${file}`;
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("request", (request) => {
    if (request.url() !== address) complaints.push(`asks for ${request.url()}`);
  });
  await page.goto(address);
  return { page, complaints };
}
