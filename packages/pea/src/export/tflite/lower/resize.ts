/** Images of another size. */
import { coordinatesOf, resizeModeOf } from "@pea/graph";
import type { Lower } from "./lowering.ts";

export const Resize: Lower = (site, lowering) => {
  const builtin = resizeModeOf(site) === "nearest" ? "RESIZE_NEAREST_NEIGHBOR" : "RESIZE_BILINEAR";
  const coordinates = coordinatesOf(site);
  const [, , height = 1, width = 1] = site.outputSizes();
  const image = lowering.read(site.node.inputs[0] as string);
  lowering.emit(
    builtin,
    [image, lowering.setting("size", [height, width])],
    [lowering.write(site.node.outputs[0] as string)],
    {
      align_corners: coordinates === "align_corners",
      half_pixel_centers: coordinates === "half_pixel",
    },
  );
};
