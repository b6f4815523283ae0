/**
 * `pilot.json`: what was decided by the clock, so that a pilot that is stopped goes on as it began.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";
import { z } from "zod";
import { makeDirectory } from "../common/make-directory.ts";
import { isSame } from "../recipe/recipe-identity.ts";

const schema = z.object({
  /** What the recipe decides. */
  settings: z.record(z.string(), z.unknown()),
  length: z.object({ epochs: z.int(), images: z.int() }).optional(),
  /** Of the choice: one is left out where no time would be left for the comparison. */
  rounds: z.int().optional(),
  /** Of runs that are compared in the end. */
  pairs: z.int().optional(),
  /** Of all calls so far. */
  seconds: z.number(),
});

type State = z.infer<typeof schema>;

export class PilotState {
  readonly #started = performance.now();

  private constructor(
    private readonly file: string,
    private readonly state: State,
  ) {}

  /**
   * @param settings of the recipe, which must be those that the pilot began with
   * @throws PeaError (usage) for another recipe; PeaError for a file that is damaged
   */
  static open(folder: string, settings: Readonly<Record<string, unknown>>): PilotState {
    const file = join(folder, "pilot.json");
    if (!existsSync(file)) return new PilotState(file, { settings: { ...settings }, seconds: 0 });
    const state = read(file);
    const changed = Object.keys({ ...settings, ...state.settings }).filter(
      (key) => !isSame(settings[key], state.settings[key]),
    );
    if (changed.length > 0)
      throw new PeaError(
        `${folder} holds the pilot of a recipe that differs in ${changed.join(", ")}; give this one another --output, or move the folder away`,
        { kind: "usage" },
      );
    return new PilotState(file, state);
  }

  get length(): State["length"] {
    return this.state.length;
  }

  get rounds(): number | undefined {
    return this.state.rounds;
  }

  get pairs(): number | undefined {
    return this.state.pairs;
  }

  /** Of all calls until now. */
  get seconds(): number {
    return this.state.seconds + (performance.now() - this.#started) / 1000;
  }

  /** Keeps what is new, and the time. */
  save(decided: Pick<State, "length" | "rounds" | "pairs"> = {}): void {
    Object.assign(this.state, decided);
    makeDirectory(join(this.file, ".."));
    const content = { ...this.state, seconds: this.seconds };
    writeFileAtomically(this.file, [Buffer.from(`${JSON.stringify(content, null, 2)}\n`)]);
  }
}

function read(file: string): State {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new PeaError(`${file} is damaged: ${(error as Error).message}; move its folder away to begin anew`);
  }
}
