/**
 * A registry of npm on this machine's loopback: it has our packages and sends askers for others on to the registry in use.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { manifestOf } from "./tarballs.ts";

/** A running registry. */
export interface Registry {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a registry that has these tarballs, by their packages' names. */
export async function startRegistry(tarballs: Readonly<Record<string, string>>): Promise<Registry> {
  const others = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim();
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    const [name, isTarball] = namedBy(path);
    const tarball = tarballs[name];
    if (tarball === undefined)
      response.writeHead(302, { location: new URL(path.slice(1), others).href }).end();
    else if (isTarball) response.end(readFileSync(tarball));
    else response.end(JSON.stringify(describePackage(tarball, `${url}/${name}/-/package.tgz`)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The package that a request is about, and whether it asks for the tarball. */
function namedBy(path: string): [name: string, isTarball: boolean] {
  const [name = "", file] = decodeURIComponent(path).slice(1).split("/-/");
  return [name, file !== undefined];
}

/** What a registry says of a package with one version. */
function describePackage(file: string, tarball: string): unknown {
  const manifest = manifestOf(file);
  const integrity = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
  return {
    name: manifest.name,
    "dist-tags": { latest: manifest.version },
    versions: { [manifest.version]: { ...manifest, dist: { tarball, integrity } } },
  };
}
