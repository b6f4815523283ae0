/**
 * Hands out a folder of static files on loopback.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".bin": "application/octet-stream",
};

/** @param port 0: any that is free */
export async function serve(folder: string, port: number): Promise<{ server: Server; address: string }> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    // A URL's path has no ".." left; normalize keeps it so.
    const name = pathname === "/" ? "index.html" : normalize(decodeURIComponent(pathname));
    const type = types[extname(name)];
    const bytes = type === undefined ? null : await readFile(join(folder, name)).catch(() => null);
    if (bytes === null) response.writeHead(404).end("not found");
    else response.writeHead(200, { "content-type": type }).end(bytes);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}
