"""ResNet-18 and MobileNet-V1 (width 0.25) as a PyTorch user writes them, and PEA composed of PyTorch's operators.

The architectures are those of packages/pea/src/models, layer by layer; the benchmark compares the counts of parameters.
"""

import torch
import torch.nn.functional as F
from torch import nn

SMOOTH = {"gelu": F.gelu, "swish": F.silu, "mish": F.mish, "elu": F.elu}


class PeaActivation(nn.Module):
    """alpha * ReLU + (1 - alpha) * smooth ("weighted"), or per element ReLU with probability alpha ("stochastic").

    alpha is a number, or a tensor without dimensions where the graph is compiled: a number would be compiled in, and
    every step of the transition would compile anew.
    """

    def __init__(self, ensemble, smooth, alpha):
        super().__init__()
        self.ensemble = ensemble
        self.smooth = SMOOTH[smooth]
        self.alpha = alpha

    def forward(self, x):
        relu, smooth = F.relu(x), self.smooth(x)
        if self.ensemble == "stochastic":
            return torch.where(torch.rand_like(x) < self.alpha, relu, smooth)
        if isinstance(self.alpha, torch.Tensor):
            return self.alpha * relu + (1 - self.alpha) * smooth
        return torch.lerp(smooth, relu, self.alpha)


def activation_factory(name, alpha):
    """"relu", or an ensemble and its smooth activation: "weighted-gelu". Returns a function that makes a module."""
    if name == "relu":
        # In place saves memory and time, and is what torchvision does.
        return lambda: nn.ReLU(inplace=True)
    ensemble, smooth = name.split("-")
    return lambda: PeaActivation(ensemble, smooth, alpha)


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, activation):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.act1 = activation()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.act2 = activation()
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        skip = x if self.downsample is None else self.downsample(x)
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += skip
        return self.act2(y)


def resnet18(channels, classes, small, activation):
    stem = [nn.Conv2d(channels, 64, 3, 1, 1, bias=False) if small else nn.Conv2d(channels, 64, 7, 2, 3, bias=False)]
    stem += [nn.BatchNorm2d(64), activation()]
    if not small:
        stem.append(nn.MaxPool2d(3, 2, 1))
    blocks = []
    inputs = 64
    for outputs, stride in [(64, 1), (128, 2), (256, 2), (512, 2)]:
        blocks += [BasicBlock(inputs, outputs, stride, activation), BasicBlock(outputs, outputs, 1, activation)]
        inputs = outputs
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def mobilenet_quarter(channels, classes, small, activation):
    def unit(inputs, outputs, kernel, stride, groups=1):
        return [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3),
            activation(),
        ]

    layers = unit(channels, 8, 3, 1 if small else 2)
    inputs = 8
    blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1)]
    for outputs, stride in blocks:
        layers += unit(inputs, inputs, 3, stride, groups=inputs) + unit(inputs, outputs, 1, 1)
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.001), nn.Linear(inputs, classes))


NETWORKS = {"resnet18": resnet18, "mobilenet-0.25": mobilenet_quarter}


def create_network(name, channels, classes, activation):
    base = name[: -len("-small")] if name.endswith("-small") else name
    return NETWORKS[base](channels, classes, name.endswith("-small"), activation)
