/** Lets a worker's messages be heard between two steps, and waits while it is paused. */
export class Pausing {
  #paused: Promise<void> | null = null;
  #resume: () => void = () => {};

  pause(): void {
    this.#paused ??= new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  resume(): void {
    this.#resume();
    this.#paused = null;
  }

  async turn(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    while (this.#paused !== null) await this.#paused;
  }
}
