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


NETWORKS = {
    "resnet18": resnet18,
    "resnet50": resnet50,
    "mobilenet-0.25": mobilenet_quarter,
    "alexnet-bn": alexnet_bn,
    "erfnet-segmentation": erfnet_segmentation,
}


def create_network(name, channels, classes, activation):
    base = name[: -len("-small")] if name.endswith("-small") else name
    return NETWORKS[base](channels, classes, name.endswith("-small"), activation)
