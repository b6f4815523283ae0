"""Networks of torchvision and timm by PyTorch's exporters, each with the answer that PyTorch gives to two images.

usage: published_files.py FOLDER"""
import os
import sys
import warnings

import timm
import torch
import torchvision

from images import keep_answer, some_images
from torch_networks import enliven

warnings.filterwarnings("ignore")
folder = sys.argv[1]
size = 96
of_torchvision = "resnet18 mobilenet_v2 mobilenet_v3_small squeezenet1_1 shufflenet_v2_x0_5 mnasnet0_5 regnet_x_400mf".split()
of_timm = "tf_efficientnet_lite0 ghostnet_050 resnest14d lcnet_050 rexnet_100".split()


def make(name):
    torch.manual_seed(7)
    if name in of_torchvision:
        network = torchvision.models.get_model(name, weights=None, num_classes=10)
    else:
        network = timm.create_model(name, num_classes=10)
    enliven(network)
    return network.eval()


for name in of_torchvision + of_timm:
    network, images = make(name), torch.from_numpy(some_images((2, 3, size, size)))
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
