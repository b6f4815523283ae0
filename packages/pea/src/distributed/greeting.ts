import { connect } from "node:net";

/** How long a program is listened to, in milliseconds. */
const PATIENCE = 200;

/**
 * What a program says by itself to whoever connects to it, its first line; null where it says nothing, or none listens. A store waits
 * to be asked: what does not is another program, of whose words the engine would abort the process.
 */
export function greetingAt(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PATIENCE });
    const end = (greeting: string | null) => {
      socket.destroy();
      resolve(greeting);
    };
    socket.once("data", (bytes) => end(bytes.toString("latin1").split(/\r?\n/)[0]?.slice(0, 60) ?? ""));
    // Of the connection, then of what comes over it.
    for (const event of ["timeout", "error", "close"]) socket.once(event, () => end(null));
  });
}
