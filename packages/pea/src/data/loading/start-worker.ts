import { Worker } from "node:worker_threads";

/**
 * Starts a module of this folder as a thread.
 *
 * @param name without its ending, e.g. `decode-worker`
 */
export function startWorker(name: string): Worker {
  const module = (ending: string) => new URL(`./${name}${ending}`, import.meta.url);
  if (!import.meta.url.endsWith(".ts")) return new Worker(module(".js"));
  // From the sources: threads do not inherit the loader of TypeScript.
  const code = `import("${import.meta.resolve("tsx/esm/api")}")
    .then(({ register }) => { register(); return import("${module(".ts")}"); });`;
  return new Worker(code, { eval: true });
}
