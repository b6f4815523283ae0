/**
 * Images in the batch of a trace. Any number above 1 works; one which is unlikely to be a width of the network makes a
 * baked-in batch easy to spot.
 */
export const traceBatch = 3;
