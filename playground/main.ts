/** `npm run playground [-- --port N]`: builds the playground and hands it out on loopback until it is interrupted. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildPlayground } from "./build.ts";
import { serve } from "./serve.ts";

const { values } = parseArgs({ options: { port: { type: "string", default: "8080" } } });
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`error: --port is ${values.port}, but must be a whole number from 0 to 65535`);
  process.exit(2);
}
const folder = join(fileURLToPath(new URL(".", import.meta.url)), "dist");
try {
  await buildPlayground(folder);
  const { address } = await serve(folder, port);
  console.log(`the playground is at ${address} (built in ${folder}); Ctrl+C ends it`);
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  console.error(
    code === "EADDRINUSE" ? `error: port ${port} is taken; choose another by --port` : `error: ${message}`,
  );
  process.exitCode = 1;
}
