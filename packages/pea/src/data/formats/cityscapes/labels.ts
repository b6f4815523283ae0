import { IGNORED, type LabelTable } from "../../../images/label-table.ts";

/**
 * The labels of Cityscapes (spec recipes 3.3; cityscapesScripts, helpers/labels.py). The license plate, −1, is left out:
 * it is in no label map.
 */
export const cityscapesLabels: LabelTable = (
  [
    ["unlabeled", IGNORED, [0, 0, 0]],
    ["ego vehicle", IGNORED, [0, 0, 0]],
    ["rectification border", IGNORED, [0, 0, 0]],
    ["out of roi", IGNORED, [0, 0, 0]],
    ["static", IGNORED, [0, 0, 0]],
    ["dynamic", IGNORED, [111, 74, 0]],
    ["ground", IGNORED, [81, 0, 81]],
    ["road", 0, [128, 64, 128]],
    ["sidewalk", 1, [244, 35, 232]],
    ["parking", IGNORED, [250, 170, 160]],
    ["rail track", IGNORED, [230, 150, 140]],
    ["building", 2, [70, 70, 70]],
    ["wall", 3, [102, 102, 156]],
    ["fence", 4, [190, 153, 153]],
    ["guard rail", IGNORED, [180, 165, 180]],
    ["bridge", IGNORED, [150, 100, 100]],
    ["tunnel", IGNORED, [150, 120, 90]],
    ["pole", 5, [153, 153, 153]],
    ["polegroup", IGNORED, [153, 153, 153]],
    ["traffic light", 6, [250, 170, 30]],
    ["traffic sign", 7, [220, 220, 0]],
    ["vegetation", 8, [107, 142, 35]],
    ["terrain", 9, [152, 251, 152]],
    ["sky", 10, [70, 130, 180]],
    ["person", 11, [220, 20, 60]],
    ["rider", 12, [255, 0, 0]],
    ["car", 13, [0, 0, 142]],
    ["truck", 14, [0, 0, 70]],
    ["bus", 15, [0, 60, 100]],
    ["caravan", IGNORED, [0, 0, 90]],
    ["trailer", IGNORED, [0, 0, 110]],
    ["train", 16, [0, 80, 100]],
    ["motorcycle", 17, [0, 0, 230]],
    ["bicycle", 18, [119, 11, 32]],
  ] as const
).map(([name, trainId, color], id) => ({ id, name, trainId, color: [...color] }));
