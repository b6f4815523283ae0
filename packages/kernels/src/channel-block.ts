/** What channels are a multiple of in the matrices of 1×1, depthwise and stem convolutions, and in what they read deferred. */
export const CHANNEL_BLOCK = 8;
