"""Applies operations of torchvision's RandAugment by PIL, as torchvision 0.14 calls it, to images: JSON in
on stdin, JSON out on stdout. With --torchvision that package itself does it.

In:  {"images": [{"data": base64, "width": w, "height": h, "channels": 1 or 3}],
      "cases": [{"image": i, "operation": name, "magnitude": 0 … 30, "sign": 1 or -1}]}
Out: [base64 of each result]
"""

import base64
import json
import math
import sys

import torch
from PIL import Image, ImageEnhance, ImageOps


def strengths(operation, width, height):
    """torchvision's augmentation space of 31 bins."""
    bins = 31
    return {
        "shearX": torch.linspace(0.0, 0.3, bins),
        "shearY": torch.linspace(0.0, 0.3, bins),
        "translateX": torch.linspace(0.0, 150.0 / 331.0 * width, bins),
        "translateY": torch.linspace(0.0, 150.0 / 331.0 * height, bins),
        "rotate": torch.linspace(0.0, 30.0, bins),
        "brightness": torch.linspace(0.0, 0.9, bins),
        "colour": torch.linspace(0.0, 0.9, bins),
        "contrast": torch.linspace(0.0, 0.9, bins),
        "sharpness": torch.linspace(0.0, 0.9, bins),
        "posterize": 8 - (torch.arange(bins) / ((bins - 1) / 4)).round().int(),
        "solarize": torch.linspace(255.0, 0.0, bins),
    }.get(operation)


def affine(image, matrix):
    return image.transform(image.size, Image.AFFINE, matrix, Image.NEAREST)


def apply(image, operation, magnitude, sign):
    table = strengths(operation, *image.size)
    strength = sign * float(table[magnitude].item()) if table is not None else 0.0
    # torchvision shears by the angle whose tangent is the strength, around the corner.
    tangent = math.tan(math.radians(math.degrees(math.atan(strength))))
    operations = {
        "identity": lambda: image,
        "shearX": lambda: affine(image, [1, tangent, 0, 0, 1, 0]),
        "shearY": lambda: affine(image, [1, 0, 0, tangent, 1, 0]),
        "translateX": lambda: affine(image, [1, 0, -int(strength), 0, 1, 0]),
        "translateY": lambda: affine(image, [1, 0, 0, 0, 1, -int(strength)]),
        "rotate": lambda: image.rotate(strength, Image.NEAREST),
        "brightness": lambda: ImageEnhance.Brightness(image).enhance(1.0 + strength),
        "colour": lambda: ImageEnhance.Color(image).enhance(1.0 + strength),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(1.0 + strength),
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(1.0 + strength),
        "posterize": lambda: ImageOps.posterize(image, int(strength)),
        "solarize": lambda: ImageOps.solarize(image, strength),
        "autoContrast": lambda: ImageOps.autocontrast(image),
        "equalize": lambda: ImageOps.equalize(image),
    }
    return operations[operation]()


def apply_torchvision(image, operation, magnitude, sign):
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.autoaugment import RandAugment, _apply_op

    name = "Color" if operation == "colour" else operation[0].upper() + operation[1:]
    strengths, _ = RandAugment()._augmentation_space(31, (image.height, image.width))[name]
    strength = sign * float(strengths[magnitude].item()) if strengths.ndim > 0 else 0.0
    return _apply_op(image, name, strength, InterpolationMode.NEAREST, None)


def main():
    apply_one = apply_torchvision if "--torchvision" in sys.argv else apply
    request = json.load(sys.stdin)
    images = [
        Image.frombytes(
            "L" if image["channels"] == 1 else "RGB",
            (image["width"], image["height"]),
            base64.b64decode(image["data"]),
        )
        for image in request["images"]
    ]
    results = [
        apply_one(images[case["image"]], case["operation"], case["magnitude"], case["sign"]).tobytes()
        for case in request["cases"]
    ]
    json.dump([base64.b64encode(result).decode() for result in results], sys.stdout)


main()
