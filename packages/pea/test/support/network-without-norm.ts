import { Identity } from "@pea/torch";
import { registerModel } from "../../src/models/index.ts";
import { DropoutNetwork } from "./dropout-network.ts";

// Its scores depend on weights alone. Recipes know it as `network-without-norm` wherever this file is imported.
registerModel({
  name: "network-without-norm",
  description: "a network whose scores depend on its weights alone",
  inputShape: [1, 28, 28],
  classes: 10,
  create: ({ inputChannels = 1, classes = 10 }) =>
    new DropoutNetwork(inputChannels, classes, { bn1: new Identity(), dropout: new Identity() }),
});
