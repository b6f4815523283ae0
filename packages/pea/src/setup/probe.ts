/** Loads all native files, in a process of its own. @module */
import { loadKernels } from "@pea/kernels";
import { engineInfo } from "@pea/torch";
import { native } from "../images/native.ts";

engineInfo();
loadKernels();
native();
