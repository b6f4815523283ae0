"""Networks of torchvision and timm by PyTorch's exporters, each with the answer that PyTorch gives to two images.

usage: published_files.py FOLDER [NETWORK...]; without names a few small ones, with `all` each one."""
import os
import sys
import warnings

import torch

from images import keep_answer, some_images
from published_networks import image_of, make, of_timm, of_torchvision, small

warnings.filterwarnings("ignore")
folder = sys.argv[1]


def export(name):
    network, images = make(name), torch.from_numpy(some_images((2, *image_of(name))))
    ways = {
        "keep": dict(
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            opset_version=17,
            dynamic_axes={"input": {0: "batch"}},
        ),
        "new": dict(dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False, external_data=False),
        "single": dict(verbose=False, external_data=False),
    }
    for way, options in ways.items():
        path = os.path.join(folder, f"{name}.{way}.onnx")
        torch.onnx.export(network, (images[:1] if way == "single" else images,), path, input_names=["input"], **options)
        with torch.no_grad():
            keep_answer(folder, os.path.basename(path), images.shape, network(images).numpy())


wanted = sys.argv[2:] or small
for name in of_torchvision + of_timm if wanted == ["all"] else wanted:
    export(name)
