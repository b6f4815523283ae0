"""The paper's networks as a PyTorch user writes them, and PEA composed of PyTorch's operators.

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


def downsample(inputs, outputs, stride):
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, activation):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.act1 = activation()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.act2 = activation()
        self.downsample = downsample(inputs, outputs, stride)

    def forward(self, x):
        skip = x if self.downsample is None else self.downsample(x)
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += skip
        return self.act2(y)


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride, activation):
        super().__init__()
        outputs = 4 * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.act1 = activation()
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.act2 = activation()
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.act3 = activation()
        self.downsample = downsample(inputs, outputs, stride)

    def forward(self, x):
        skip = x if self.downsample is None else self.downsample(x)
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.act2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += skip
        return self.act3(y)


def resnet18(channels, classes, small, activation):
    return resnet(channels, classes, small, activation, BasicBlock, 1, (2, 2, 2, 2))


def resnet50(channels, classes, small, activation):
    return resnet(channels, classes, small, activation, Bottleneck, 4, (3, 4, 6, 3))


def resnet(channels, classes, small, activation, block, expansion, depths):
    stem = [nn.Conv2d(channels, 64, 3, 1, 1, bias=False) if small else nn.Conv2d(channels, 64, 7, 2, 3, bias=False)]
    stem += [nn.BatchNorm2d(64), activation()]
    if not small:
        stem.append(nn.MaxPool2d(3, 2, 1))
    blocks = []
    inputs = 64
    for width, stride, depth in zip((64, 128, 256, 512), (1, 2, 2, 2), depths):
        for index in range(depth):
            blocks.append(block(inputs, width, stride if index == 0 else 1, activation))
            inputs = expansion * width
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


def alexnet_bn(channels, classes, small, activation):
    def convolution(inputs, outputs, kernel, stride, padding, groups=1, pool=False):
        layers = [
            nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            activation(),
        ]
        return layers + [nn.MaxPool2d(3, 2)] if pool else layers

    def linear(inputs, outputs):
        return [nn.Dropout(), nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), activation()]

    return nn.Sequential(
        *convolution(channels, 96, 11, 4, 2, pool=True),
        *convolution(96, 256, 5, 1, 2, groups=2, pool=True),
        *convolution(256, 384, 3, 1, 1),
        *convolution(384, 384, 3, 1, 1, groups=2),
        *convolution(384, 256, 3, 1, 1, groups=2, pool=True),
        nn.Flatten(),
        *linear(256 * 6 * 6, 4096),
        *linear(4096, 4096),
        nn.Linear(4096, classes),
    )


class Down(nn.Module):
    def __init__(self, inputs, outputs, activation):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs - inputs, 3, 2, 1)
        self.pool = nn.MaxPool2d(2)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)
        self.act = activation()

    def forward(self, x):
        return self.act(self.bn(torch.cat([self.conv(x), self.pool(x)], 1)))


class NonBottleneck1D(nn.Module):
    def __init__(self, channels, dilation, dropout, activation):
        super().__init__()
        d = dilation
        self.convolutions1 = nn.Sequential(
            nn.Conv2d(channels, channels, (3, 1), padding=(1, 0)),
            activation(),
            nn.Conv2d(channels, channels, (1, 3), padding=(0, 1)),
            nn.BatchNorm2d(channels, eps=1e-3),
            activation(),
        )
        self.convolutions2 = nn.Sequential(
            nn.Conv2d(channels, channels, (3, 1), padding=(d, 0), dilation=(d, 1)),
            activation(),
            nn.Conv2d(channels, channels, (1, 3), padding=(0, d), dilation=(1, d)),
            nn.BatchNorm2d(channels, eps=1e-3),
        )
        self.dropout = nn.Dropout2d(dropout) if dropout > 0 else nn.Identity()
        self.act = activation()

    def forward(self, x):
        return self.act(self.dropout(self.convolutions2(self.convolutions1(x))) + x)


def erfnet_segmentation(channels, classes, small, activation):
    def up(inputs, outputs):
        return [
            nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1),
            nn.BatchNorm2d(outputs, eps=1e-3),
            activation(),
        ]

    def residual(channels, dilation=1, dropout=0.0):
        return NonBottleneck1D(channels, dilation, dropout, activation)

    return nn.Sequential(
        Down(channels, 16, activation),
        Down(16, 64, activation),
        *[residual(64, dropout=0.03) for _ in range(5)],
        Down(64, 128, activation),
        *[residual(128, dilation, 0.3) for dilation in (2, 4, 8, 16, 2, 4, 8, 16)],
        *up(128, 64),
        residual(64),
        residual(64),
        *up(64, 16),
        residual(16),
        residual(16),
        nn.ConvTranspose2d(16, classes, 2, 2),
    )


def divisible(channels, width):
    """The multiple of 8 nearest to channels · width, not below 90 % of it."""
    rounded = max(8, int(channels * width + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels * width else rounded + 8


def unit(inputs, outputs, kernel, stride=1, groups=1, activation=None):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return layers if activation is None else layers + [activation()]


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, expansion, stride, activation):
        super().__init__()
        hidden = expansion * inputs
        widen = [] if expansion == 1 else unit(inputs, hidden, 1, activation=activation)
        self.conv = nn.Sequential(
            *widen, *unit(hidden, hidden, 3, stride, hidden, activation), *unit(hidden, outputs, 1)
        )
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.is_residual else self.conv(x)


def mobilenet_v2(channels, classes, width, activation):
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    inputs = divisible(32, width)
    layers = unit(channels, inputs, 3, 2, activation=activation)
    for expansion, outputs, blocks, stride in stages:
        for index in range(blocks):
            layers.append(
                InvertedResidual(inputs, divisible(outputs, width), expansion, stride if index == 0 else 1, activation)
            )
            inputs = divisible(outputs, width)
    last = divisible(1280, max(1, width))
    layers += unit(inputs, last, 1, activation=activation)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(last, classes))


class ShuffleUnit(nn.Module):
    def __init__(self, inputs, outputs, stride, activation):
        super().__init__()
        half = outputs // 2
        seen = half if stride == 1 else inputs
        self.branch1 = (
            None
            if stride == 1
            else nn.Sequential(*unit(inputs, inputs, 3, 2, inputs), *unit(inputs, half, 1, activation=activation))
        )
        self.branch2 = nn.Sequential(
            *unit(seen, half, 1, activation=activation),
            *unit(half, half, 3, stride, half),
            *unit(half, half, 1, activation=activation),
        )

    def forward(self, x):
        first, second = x.chunk(2, 1) if self.branch1 is None else (self.branch1(x), x)
        # Version 1.13 has no gradient of F.channel_shuffle; this stays in channels_last.
        pixels = torch.cat([first, self.branch2(second)], 1).permute(0, 2, 3, 1)
        return pixels.unflatten(3, (2, pixels.size(3) // 2)).transpose(3, 4).flatten(3).permute(0, 3, 1, 2)


def shufflenet_half(channels, classes, small, activation):
    layers = unit(channels, 24, 3, 2, activation=activation) + [nn.MaxPool2d(3, 2, 1)]
    inputs = 24
    for outputs, units in ((48, 4), (96, 8), (192, 4)):
        for index in range(units):
            layers.append(ShuffleUnit(inputs, outputs, 2 if index == 0 else 1, activation))
            inputs = outputs
    layers += unit(inputs, 1024, 1, activation=activation)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, classes))


class UNet(nn.Module):
    """At a quarter of its width."""

    def __init__(self, channels, classes, activation):
        super().__init__()
        widths = (16, 32, 64, 128, 256)

        def double(inputs, outputs):
            return nn.Sequential(
                *unit(inputs, outputs, 3, activation=activation), *unit(outputs, outputs, 3, activation=activation)
            )

        self.down = nn.ModuleList(double(i, o) for i, o in zip((channels, *widths), widths))
        self.pool = nn.MaxPool2d(2)
        pairs = list(zip(reversed(widths[1:]), reversed(widths[:-1])))
        self.up = nn.ModuleList(nn.ConvTranspose2d(below, beside, 2, 2) for below, beside in pairs)
        self.join = nn.ModuleList(double(below, beside) for below, beside in pairs)
        self.out = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        before = []
        for index, layers in enumerate(self.down):
            x = layers(x if index == 0 else self.pool(x))
            before.append(x)
        before.pop()
        for up, join in zip(self.up, self.join):
            x = join(torch.cat([before.pop(), up(x)], 1))
        return self.out(x)


def is_segmentation(network):
    return network.endswith("-segmentation") or network.startswith("unet")


NETWORKS = {
    "mobilenet-v2-0.35": lambda channels, classes, small, activation: mobilenet_v2(channels, classes, 0.35, activation),
    "shufflenet-v2-0.5": shufflenet_half,
    "unet-0.25": lambda channels, classes, small, activation: UNet(channels, classes, activation),
    "resnet18": resnet18,
    "resnet50": resnet50,
    "mobilenet-0.25": mobilenet_quarter,
    "alexnet-bn": alexnet_bn,
    "erfnet-segmentation": erfnet_segmentation,
}


def create_network(name, channels, classes, activation):
    base = name[: -len("-small")] if name.endswith("-small") else name
    return NETWORKS[base](channels, classes, name.endswith("-small"), activation)
