/** Which native files run on which engine, and where they lie. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { TorchError } from "../error.ts";
import { type Engine, type EnginePlace, enginePlaces, type Surroundings, thisSystem } from "./engines.ts";

/** The native files, by the folder of `packages/` whose sources make them. */
export const nativeFiles = {
  torch: "pea_torch.node",
  kernels: "libpea_kernels.so",
  pea: "pea_images.node",
} as const;

/** A package with native sources. */
export type NativePackage = keyof typeof nativeFiles;

/** The native files for one engine. */
export interface Binaries {
  readonly engine: Engine;
  /** Who pointed to the engine. */
  readonly engineOrigin: string;
  /** Where the files come from, in words. */
  readonly origin: string;
  /** Path of a package's file. Only in a checkout, where each is built by itself, it may be missing. */
  file(of: NativePackage): string;
}

/** An engine that has no binaries, or a place that has no engine. */
export interface PassedOver {
  readonly place: EnginePlace;
  readonly why: string;
}

/** The binaries to use, and what stood before them in the order of preference. */
export interface Search {
  readonly binaries: Binaries | undefined;
  readonly passedOver: readonly PassedOver[];
}

/** This package: its folder and version. */
export interface Home {
  readonly folder: string;
  readonly version: string;
}

/**
 * @param url of a module of this package; undefined where a bundler made a CommonJS module of it
 * @throws TorchError when the module no longer lies in its package
 */
export function homeOf(url: string | undefined): Home {
  const folder = url === undefined ? undefined : fileURLToPath(new URL("../..", url));
  const manifest = folder === undefined ? undefined : join(folder, "package.json");
  const { name, version } =
    manifest !== undefined && existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")) : {};
  if (folder === undefined || name !== "@pea/torch") {
    throw new TorchError(
      `@pea/torch was bundled into ${url === undefined ? "a CommonJS file" : fileURLToPath(url)}, away from its native addon. ` +
        "Leave the packages out of the bundle: --external:@pea/* --external:pea-train (esbuild), " +
        "external: [/^@pea\\//, 'pea-train'] (Rollup; Vite: build.rollupOptions.external).",
    );
  }
  return { folder, version };
}

/** In a clone of the repository, native files are built in its packages' folders. */
export const isCheckout = ({ folder }: Home): boolean => existsSync(join(folder, "src"));

/** Folder in which the checkout's package builds for an engine. */
export function checkoutFolder({ folder }: Home, of: NativePackage, engine: Engine): string {
  // The decoder of images knows no engine.
  const build = of === "pea" || engine.directory === undefined ? "build" : `build-${engine.name}`;
  return join(folder, "..", of, build);
}

/** `linux-x64-torch2.15`: what binaries are made for. */
export const targetOf = ({ name }: Engine): string => `${process.platform}-${process.arch}-${name}`;

/** The folder where `pea setup` leaves what it has built, for all projects with this version of the packages. */
export function builtFolder({ version }: Home, engine: Engine, { environment }: Surroundings): string {
  const cache = environment.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(cache, "pea", version, targetOf(engine));
}

/** The command that builds binaries; harmless in a folder whose project has not got it, unlike the command's short name. */
export const setupCommand = (home: Home): string =>
  isCheckout(home) ? "npm run setup" : `npx pea-train@${home.version} setup`;

/** Looks for the first engine with binaries. */
export function searchBinaries(home: Home, surroundings: Surroundings = thisSystem): Search {
  const passedOver: PassedOver[] = [];
  for (const place of enginePlaces(surroundings)) {
    const { origin, found } = place;
    if (typeof found === "string") {
      passedOver.push({ place, why: found });
      continue;
    }
    const files = filesFor(home, found, surroundings);
    if (!Array.isArray(files))
      return { binaries: { engine: found, engineOrigin: origin, ...files }, passedOver };
    passedOver.push({ place, why: `no binaries for ${describeEngine(found)}: ${files.join("; ")}` });
  }
  return { binaries: undefined, passedOver };
}

/** "libtorch 2.15 in /…/torch/lib". */
export const describeEngine = ({ name, library }: Engine): string =>
  `${name.replace(/^(lib)?torch/, "libtorch ")} in ${dirname(library)}`;

/** @returns the files for an engine, or where they were sought */
function filesFor(
  home: Home,
  engine: Engine,
  surroundings: Surroundings,
): Pick<Binaries, "origin" | "file"> | string[] {
  if (isCheckout(home)) {
    const file = (of: NativePackage) => join(checkoutFolder(home, of, engine), nativeFiles[of]);
    return existsSync(file("torch")) ? { origin: "this checkout", file } : [`there is no ${file("torch")}`];
  }
  const built = builtFolder(home, engine, surroundings);
  const shipped = `@pea/${targetOf(engine)}`;
  const installed = packageFolder(home, shipped);
  for (const [folder, origin] of [
    [built, "pea setup"],
    [installed, `the package ${shipped}`],
  ] as const)
    if (folder !== undefined && existsSync(join(folder, nativeFiles.torch)))
      return { origin, file: (of) => join(folder, nativeFiles[of]) };
  return [
    `there is no ${built}`,
    installed === undefined ? `${shipped} is not installed` : `there are none in ${installed}`,
  ];
}

/** Folder of a package that this one depends on, where it is installed. */
function packageFolder({ folder }: Home, name: string): string | undefined {
  try {
    return dirname(createRequire(join(folder, "package.json")).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}
