"""Exports small networks as ONNX files, their batch norms kept, and trains them, for import/network/training.test.ts.

Usage: imported_training.py NETWORKS FOLDER

NETWORKS is JSON: names of scripts/onnx-corpus, each with the size of its images. For each, FOLDER gets NAME.WAY.onnx, as it is before training, for
each way of this PyTorch that keeps batch norms, and for each type of floats NAME.TYPE.safetensors with the losses of three
steps of SGD and the state dict after them. Networks of torchvision and timm are trained in float64 alone: they are deep, and
with random weights rounding grows from layer to layer.
"""

import copy
import importlib.util
import json
import pathlib
import sys

import torch
import torch.nn.functional as F

import safetensors_file

sys.path.append(str(pathlib.Path(__file__).parents[4] / "scripts" / "onnx-corpus"))
from images import some_images  # noqa: E402
import torch_networks  # noqa: E402


is_old = torch.__version__.startswith("1.")
# What PyTorch 2's new exporter is made of; Debian's PyTorch is without it.
has_new_exporter = not is_old and importlib.util.find_spec("onnxscript") is not None


def make(name):
    if name in torch_networks.networks:
        return torch_networks.make(name)
    # PyTorch 2's, with torchvision and timm beside it.
    import published_networks

    return published_networks.make(name)


def export(network, images, path):
    """Writes `path` with each way's name: `keep`, and of the new exporter `unoptimized` and, where there is none to fold, `new`."""
    try:
        torch.onnx.export(
            network,
            (images,),
            f"{path}.keep.onnx",
            opset_version=17,
            training=torch.onnx.TrainingMode.PRESERVE,
            input_names=["input"],
            dynamic_axes={"input": {0: "batch"}},
            **({} if is_old else {"dynamo": False}),
        )
    except torch.onnx.errors.UnsupportedOperatorError:
        pass  # the later exporter may have a form for it
    if not has_new_exporter:
        return
    norms = torch.nn.modules.batchnorm._BatchNorm
    has_norms = any(isinstance(module, norms) for module in network.modules())
    ways = {"unoptimized": False} if has_norms else {"unoptimized": False, "new": True}
    batch = ({0: torch.export.Dim("batch")},)
    for way, optimize in ways.items():
        options = dict(dynamo=True, dynamic_shapes=batch, optimize=optimize, verbose=False, external_data=False)
        torch.onnx.export(network, (images,), f"{path}.{way}.onnx", input_names=["input"], **options)


def train(network, images):
    """Three steps, without dropout, which a file does not hold; the loss of each."""
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "drop_rate"):
            module.drop_rate = 0.0
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for _ in range(3):
        answers = network(images)
        count, classes, *pixels = answers.shape
        labels = torch.arange(answers.numel() // classes).reshape(count, *pixels) % classes
        loss = F.cross_entropy(answers, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def main():
    torch.set_num_threads(1)
    sizes, folder = json.loads(sys.argv[1]), sys.argv[2]
    for name, size in sizes.items():
        images = torch.from_numpy(some_images((8, 3, size, size)))
        network = make(name)
        export(network, images, f"{folder}/{name}")
        for dtype in ("float32", "float64") if name in torch_networks.networks else ("float64",):
            trained = copy.deepcopy(network).to(getattr(torch, dtype))
            losses = train(trained, images.to(getattr(torch, dtype)))
            path = f"{folder}/{name}.{dtype}.safetensors"
            safetensors_file.write(path, {"losses": losses, **trained.state_dict()})


main()
