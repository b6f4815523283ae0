import { TorchError } from "../error.ts";

/** Other ranks were waited for as long as a group's `timeout` says, and not longer: more time may be the way out. */
export class GroupTimeout extends TorchError {}
