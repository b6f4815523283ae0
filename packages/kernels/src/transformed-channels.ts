/** What the channels of both sides must be multiples of for Winograd's convolutions. */
const CHANNEL_BLOCK = 16;
/** Channels below which libtorch's convolution is as fast. */
const LEAST_CHANNELS = 32;

/** Whether there are transforms for so many channels on both sides, and something to be gained by them. */
export function haveTransforms(inputs: number, outputs: number): boolean {
  return [inputs, outputs].every((channels) => channels >= LEAST_CHANNELS && channels % CHANNEL_BLOCK === 0);
}
