/** tfjs greets and advises on stderr; tests are quiet. Import before anything else of tfjs is called. */
import * as tf from "@tensorflow/tfjs";

const { warn, info, log } = console;
const isGreeting = (text: unknown): boolean =>
  /Hi, looks like you are running TensorFlow\.js/.test(String(text));
for (const [name, original] of Object.entries({ warn, info, log }))
  console[name as "warn"] = (...args: unknown[]) => {
    if (!isGreeting(args[0])) original(...args);
  };

await tf.setBackend("cpu");
