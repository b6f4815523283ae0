"""Trains the networks for three steps in PyTorch and writes everything that happened, for models-training.test.ts.

Usage: networks.py CASES OUTPUT

CASES is JSON: a list of {name, network, width, small, padding, image, classes, batch, activation, dtype}. All numbers
go to the file OUTPUT as float64, one tensor after the other; stdout gets JSON: case name -> tensor name -> [first, length].

The networks are written as functions over a dictionary of tensors, straight from the tables of the specification
(networks.md 2, 4 and 6); weights and inputs follow its formula (8).
"""

import json
import math
import sys

import numpy
import torch
import torch.nn.functional as F


def golden_numbers(t, count):
    with numpy.errstate(over="ignore"):
        h = numpy.arange(count, dtype=numpy.uint32) + numpy.uint32((t * 0x9E3779B9 + 1) & 0xFFFFFFFF)
        h ^= h >> numpy.uint32(16)
        h *= numpy.uint32(0x85EBCA6B)
        h ^= h >> numpy.uint32(13)
        h *= numpy.uint32(0xC2B2AE35)
        h ^= h >> numpy.uint32(16)
    return torch.from_numpy(h.astype(numpy.float64) / 2**32)


class Tensors:
    """Parameters and running statistics by key, made at first use."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.parameters = {}
        self.statistics = {}

    def parameter(self, key, *shape):
        if key not in self.parameters:
            self.parameters[key] = torch.zeros(shape, dtype=self.dtype)
        return self.parameters[key]

    def statistic(self, key, channels):
        if key not in self.statistics:
            self.statistics[key] = torch.zeros(channels, dtype=self.dtype)
        return self.statistics[key]

    def golden_fill(self):
        everything = {**self.parameters, **self.statistics}
        for t, key in enumerate(sorted(everything)):
            tensor = everything[key]
            u = golden_numbers(t, tensor.numel()).reshape(tensor.shape)
            if key.endswith("running_var"):
                u = 0.75 + 0.5 * u
            elif tensor.dim() > 1:
                fan_in = tensor[0].numel()
                u = (u - 0.5) * math.sqrt(12) * math.sqrt(2 / fan_in)
            else:
                u = 0.2 * (u - 0.5) + (1 if key.endswith("weight") else 0)
            tensor.copy_(u)
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)


def convolution(tensors, key, x, outputs, k, stride, groups=1, padding="symmetric"):
    weight = tensors.parameter(f"{key}.weight", outputs, x.shape[1] // groups, k, k)
    pad = k // 2
    if padding == "same":
        pads = []
        for size in (x.shape[3], x.shape[2]):
            total = max((math.ceil(size / stride) - 1) * stride + k - size, 0)
            pads += [total // 2, total - total // 2]
        x, pad = F.pad(x, pads), 0
    return F.conv2d(x, weight, None, stride, pad, 1, groups)


def batch_norm(tensors, key, x, eps, training):
    channels = x.shape[1]
    return F.batch_norm(
        x,
        tensors.statistic(f"{key}.running_mean", channels),
        tensors.statistic(f"{key}.running_var", channels),
        tensors.parameter(f"{key}.weight", channels),
        tensors.parameter(f"{key}.bias", channels),
        training,
        0.1,
        eps,
    )


def classify(tensors, x, classes):
    x = F.adaptive_avg_pool2d(x, 1).flatten(1)
    return F.linear(x, tensors.parameter("fc.weight", classes, x.shape[1]), tensors.parameter("fc.bias", classes))


ACTIVATIONS = {"relu": F.relu, "swish": F.silu}


def resnet18(tensors, x, case, training):
    activation = ACTIVATIONS[case["activation"]]
    channels = [max(8, int(case["width"] * c)) for c in (64, 128, 256, 512)]

    def conv_bn(conv, bn, x, outputs, k, stride):
        return batch_norm(tensors, bn, convolution(tensors, conv, x, outputs, k, stride), 1e-5, training)

    if case["small"]:
        x = activation(conv_bn("conv1", "bn1", x, channels[0], 3, 1))
    else:
        x = F.max_pool2d(activation(conv_bn("conv1", "bn1", x, channels[0], 7, 2)), 3, 2, 1)
    for s in range(4):
        for b in range(2):
            at, c, stride = f"layer{s + 1}.{b}", channels[s], 2 if s > 0 and b == 0 else 1
            y = activation(conv_bn(f"{at}.conv1", f"{at}.bn1", x, c, 3, stride))
            y = conv_bn(f"{at}.conv2", f"{at}.bn2", y, c, 3, 1)
            if stride != 1 or x.shape[1] != c:
                x = conv_bn(f"{at}.downsample.0", f"{at}.downsample.1", x, c, 1, stride)
            x = activation(y + x)
    return classify(tensors, x, case["classes"])


def mobilenet(tensors, x, case, training):
    activation = ACTIVATIONS[case["activation"]]

    def unit(key, x, outputs, k, stride, groups=1):
        x = convolution(tensors, f"{key}.conv", x, outputs, k, stride, groups, case["padding"])
        return activation(batch_norm(tensors, f"{key}.bn", x, 1e-3, training))

    def scaled(c):
        return max(8, int(case["width"] * c))

    x = unit("features.0", x, scaled(32), 3, 1 if case["small"] else 2)
    rows = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
    for n, (outputs, stride) in enumerate(rows, start=1):
        x = unit(f"features.{n}.dw", x, x.shape[1], 3, stride, groups=x.shape[1])
        x = unit(f"features.{n}.pw", x, scaled(outputs), 1, 1)
    return classify(tensors, x, case["classes"])


def decays(key, tensor):
    if key.startswith("fc."):
        return True
    return tensor.dim() > 1 and ".dw." not in key


def train(case):
    """Three steps of SGD; yields (name, tensor)."""
    dtype = getattr(torch, case["dtype"])
    network = {"resnet18": resnet18, "mobilenet": mobilenet}[case["network"]]
    shape = [case["batch"], *case["image"]]
    x = ((golden_numbers(1000, math.prod(shape)) - 0.5) * math.sqrt(12)).reshape(shape).to(dtype)
    labels = torch.arange(case["batch"]) % case["classes"]

    tensors = Tensors(dtype)
    network(tensors, torch.zeros_like(x), case, training=False)
    tensors.golden_fill()
    groups = [
        {"params": [p for k, p in tensors.parameters.items() if decays(k, p)], "weight_decay": 2e-4},
        {"params": [p for k, p in tensors.parameters.items() if not decays(k, p)], "weight_decay": 0},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.001, momentum=0.9)
    for step in range(3):
        logits = network(tensors, x, case, training=True)
        loss = F.cross_entropy(logits, labels, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        yield f"logits.{step}", logits
        yield f"loss.{step}", loss
        if step == 0:
            for key, parameter in tensors.parameters.items():
                yield f"gradient.{key}", parameter.grad
        optimizer.step()
    for key, tensor in {**tensors.parameters, **tensors.statistics}.items():
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
