/** What long work uses of an AbortSignal, so that its types stand without those of Node.js and of browsers. */
export interface StopRequest {
  readonly aborted: boolean;
  readonly reason?: unknown;
}
