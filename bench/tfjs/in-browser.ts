/** What main.ts calls in the page. */
import { measureSteps } from "./steps.ts";

Object.assign(globalThis, { measureSteps });
