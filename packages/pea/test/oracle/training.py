"""Trains networks for three steps in PyTorch and writes everything that happened, for the tests models-training*.

Usage: training.py CASES OUTPUT

CASES is JSON: a list of {name, network, options, image, classes, batch, activation, dtype, rounding}, with the names and
options of the registry; the activation is "own", the network's, or another that takes its place. A rounding beyond 0
moves each value of the images by up to half a unit in float32's last place, each number another way. All numbers go to the file OUTPUT as float64, one tensor after the other; stdout gets JSON: case name ->
tensor name -> [first, length].
"""

import json
import math
import sys

import torch
import torch.nn.functional as F
from torch import nn

from golden import golden_fill, golden_input
from networks import build


def decays(model):
    """Parameters that weight decay acts on: kernels but depthwise ones, and the bias of the last linear layer."""
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    decaying = [linear[-1].bias] if linear else []
    for module in model.modules():
        depthwise = isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)) and not depthwise:
            decaying.append(module.weight)
    return {id(parameter) for parameter in decaying}


def rounded(x, rounding):
    """Relative to each value: uniform within ±2^-24, by a seed; nothing for 0."""
    if rounding == 0:
        return x
    unit = torch.rand(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(rounding)) * 2 - 1
    return x * (1 + unit * 2**-24)


def train(case):
    """Three steps of SGD; yields (name, tensor)."""
    dtype, classes = getattr(torch, case["dtype"]), case["classes"]
    shape = [case["batch"], *case["image"]]
    options = case["options"] if case["activation"] == "own" else {**case["options"], "activation": case["activation"]}
    model = build(case["network"], classes, shape[1], **options).to(dtype)
    golden_fill(model)
    decaying = decays(model)
    parameters = dict(model.named_parameters())
    groups = [
        {"params": [p for p in parameters.values() if id(p) in decaying], "weight_decay": 2e-4},
        {"params": [p for p in parameters.values() if id(p) not in decaying], "weight_decay": 0},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.001, momentum=0.9)
    x = rounded(golden_input(shape, torch.float64), case["rounding"]).to(dtype)
    # Dropout draws from this generator, as libtorch's does on the other side.
    torch.manual_seed(0)
    for step in range(3):
        logits = model(x)
        sizes = [logits.shape[0], *logits.shape[2:]]
        labels = (torch.arange(math.prod(sizes)) % classes).reshape(sizes)
        loss = F.cross_entropy(logits, labels, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        yield f"logits.{step}", logits
        yield f"loss.{step}", loss
        if step == 0:
            for key, parameter in parameters.items():
                yield f"gradient.{key}", parameter.grad
        optimizer.step()
    for key, tensor in model.state_dict().items():
        yield f"state.{key}", tensor


def main():
    torch.set_num_threads(1)
    cases, output = json.loads(sys.argv[1]), sys.argv[2]
    index, first = {}, 0
    with open(output, "wb") as file:
        for case in cases:
            entries = index[case["name"]] = {}
            for name, tensor in train(case):
                values = tensor.detach().to(torch.float64).contiguous()
                file.write(values.numpy().tobytes())
                entries[name] = [first, values.numel()]
                first += values.numel()
    json.dump(index, sys.stdout)


main()
