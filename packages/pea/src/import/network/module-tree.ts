/**
 * A tree of modules that is known by its paths.
 *
 * @module
 */
import { Module, type Tensor, TorchError } from "@pea/torch";

/** Holds others, and numbers that are no module's; what runs them is the network. */
class Group extends Module {
  /** @param trains else the numbers are kept as they are */
  hold(name: string, values: Tensor, trains: boolean): Tensor {
    return trains ? this.parameter(name, values) : this.buffer(name, values);
  }

  /** @throws TorchError always */
  override forward(): never {
    throw new TorchError("a group of an imported network's modules has no forward pass; call the network's");
  }
}

/** Where a module stands: what another puts there is found by it. */
export class Place<M extends Module = Module> {
  constructor(
    private readonly parent: Module,
    private readonly name: string,
    readonly path: string,
  ) {}

  /** The module that stands there now. */
  get module(): M {
    return (this.parent as unknown as Record<string, M>)[this.name] as M;
  }
}

/** Puts a module at a path below `root`, with groups on the way where nothing is. */
export function placeModule<M extends Module>(root: Module, path: string, module: M): Place<M> {
  const [parent, name] = parentIn(root, path);
  Object.assign(parent, { [name]: module });
  return new Place<M>(parent, name, path);
}

/** Puts numbers under a key `<path of a group>.<name>` below `root`. */
export function placeNumbers(root: Module, key: string, values: Tensor, trains: boolean): Tensor {
  const [parent, name] = parentIn(root, key);
  return (parent as Group).hold(name, values, trains);
}

/** The module above a path, with groups on the way where nothing is, and the path's last part. */
function parentIn(root: Module, path: string): [parent: Module, name: string] {
  const parts = path.split(".");
  const name = parts.pop() as string;
  let parent = root;
  for (const part of parts) {
    const next = parent.children().get(part) ?? new Group();
    Object.assign(parent, { [part]: next });
    parent = next;
  }
  return [parent, name];
}
