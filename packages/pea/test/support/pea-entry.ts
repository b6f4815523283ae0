import { main } from "../../src/cli/main.ts";
import { outliveReaders } from "../../src/terminal/output.ts";

outliveReaders();
process.exitCode = await main(process.argv.slice(2));
