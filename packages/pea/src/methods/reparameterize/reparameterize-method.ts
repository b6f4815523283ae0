/**
 * Training with branches beside convolutions.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { Conv2d, keep, type Tensor } from "@pea/torch";
import { drawnApart } from "../drawn-apart.ts";
import type { FitContext, Method, MethodState } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { type NormalizedConvolution, normalizedConvolutions } from "../normalized-convolutions.ts";
import { Branches, isCentred } from "./branches.ts";
import { type BranchedLayer, merge } from "./merge.ts";

const name = "reparameterize";

/** A layer with branches. */
interface Site extends BranchedLayer, NormalizedConvolution {
  /** Sum of the branches, between convolution and batch norm. */
  side: Tensor | null;
}

/**
 * Hangs branches beside each k×k convolution that a batch norm follows, k odd and above 1, for as long as it trains: act(norm(conv(x))
 * + Σ branches(x) [+ residual]). Their weights stand under the convolution's key and are merged into the plain layers.
 */
export class ReparameterizeMethod implements Method {
  readonly #options: { readonly copies: number; readonly gamma: number };
  #sites: Site[] = [];
  #hasStructure = false;

  constructor(options: { copies: number; gamma: number }) {
    this.#options = options;
  }

  /** @throws PeaError of kind usage where the network has no such convolution. */
  fit({ model, seed, inputShape }: FitContext): void {
    const layers = normalizedConvolutions(model, inputShape).filter(isBranched);
    if (layers.length === 0)
      throw new PeaError(
        `${name} finds no convolution in ${model.constructor.name} that it can hang branches beside: one larger than 1×1, of ` +
          `odd size and padded to keep it, with a batch norm behind it; leave ${name} out, or take a network such as resnet18`,
        { kind: "usage" },
      );
    this.#sites = drawnApart(name, seed, () => layers.map((layer) => hang(layer, this.#options)));
    this.#hasStructure = true;
  }

  merged(): ReadonlyMap<string, Tensor> {
    const sites = this.#hasStructure ? this.#sites : [];
    return new Map(
      sites.flatMap(({ paths, ...site }) => {
        const layer = merge(site);
        return (["conv", "norm"] as const).flatMap((part) =>
          Object.entries(layer[part]).map(
            ([key, tensor]) => [`${paths[part]}.${key}`, tensor as Tensor] as const,
          ),
        );
      }),
    );
  }

  removeStructure(): void {
    for (const { conv, norm } of this.#sites) {
      Reflect.deleteProperty(conv, "forward");
      Reflect.deleteProperty(conv, "branches");
      norm.addend = null;
    }
    this.#hasStructure = false;
  }

  state(): MethodState {
    return { ...this.#options };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
  }

  /** The branches' weights, which averages may hold, too, until now. */
  dispose(): void {
    for (const { branches, side } of this.#sites) {
      branches.dispose();
      side?.dispose();
    }
  }
}

/** What pads by itself is a class of its own. */
function isBranched({ conv }: NormalizedConvolution): boolean {
  return conv.constructor === Conv2d && isWide(conv) && isCentred(conv);
}

function isWide({ kernelSize }: Conv2d): boolean {
  return kernelSize.some((size) => size > 1);
}

/** Lets the convolution compute its branches too, and the batch norm add them. */
function hang(layer: NormalizedConvolution, options: { copies: number; gamma: number }): Site {
  const { conv, norm } = layer;
  const branches = new Branches(conv, norm, options);
  branches.to({ device: conv.weight.device, memoryFormat: "channels_last" });
  branches.train(conv.training);
  const site: Site = { ...layer, branches, side: null };
  const plain = conv.forward.bind(conv);
  Object.assign(conv, { branches });
  Object.defineProperty(conv, "forward", {
    configurable: true,
    value: (x: Tensor) => {
      if (site.side?.disposed === false) site.side.dispose();
      // It outlives the scope of the convolution's pass.
      site.side = keep(branches.forward(x));
      return plain(x);
    },
  });
  norm.addend = () => site.side as Tensor;
  return site;
}
