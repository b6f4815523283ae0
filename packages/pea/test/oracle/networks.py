"""The networks as PyTorch modules, straight from the tables of the specification (networks.md 1 to 6)."""

import math

import torch
import torch.nn.functional as F
from torch import nn

ACTIVATIONS = {"relu": F.relu, "relu6": F.relu6, "swish": F.silu}


def build(network, classes, channels, activation="relu", **options):
    """A network by its name in the registry, without width; its options are the registry's."""
    return NETWORKS[network](classes, channels, ACTIVATIONS[activation], **options)


def scale(channels, width):
    return max(8, int(width * channels))


class Same(nn.Conv2d):
    """A convolution that pads as TensorFlow's SAME."""

    def forward(self, x):
        pads = []
        for size, k, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1]):
            total = max((math.ceil(size / stride) - 1) * stride + k - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


class Unit(nn.Module):
    def __init__(self, conv, eps, act):
        super().__init__()
        self.conv, self.act = conv, act
        self.bn = nn.BatchNorm2d(conv.out_channels, eps=eps)

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class LinearUnit(nn.Module):
    def __init__(self, inputs, outputs, dropout, act):
        super().__init__()
        self.dropout, self.act = nn.Dropout(dropout), act
        self.fc = nn.Linear(inputs, outputs, bias=False)
        self.bn = nn.BatchNorm1d(outputs)

    def forward(self, x):
        return self.act(self.bn(self.fc(self.dropout(x))))


class AlexNet(nn.Module):
    def __init__(self, classes, channels, act, width=1, dropout=0.5):
        super().__init__()
        rows = [(96, 11, 4, 2, 1), (256, 5, 1, 2, 2), (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2)]
        units = []
        for outputs, k, stride, pad, groups in rows:
            outputs = scale(outputs, width)
            units.append(Unit(nn.Conv2d(channels, outputs, k, stride, pad, 1, groups, bias=False), 1e-5, act))
            channels = outputs
        hidden = scale(4096, width)
        self.features = nn.ModuleList(units)
        self.classifier = nn.Sequential(
            LinearUnit(36 * channels, hidden, dropout, act), LinearUnit(hidden, hidden, dropout, act)
        )
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        for n, unit in enumerate(self.features):
            x = unit(x)
            if n in (0, 1, 4):
                x = F.max_pool2d(x, 3, 2)
        return self.head(self.classifier(x.flatten(1)))


class Block(nn.Module):
    """A residual block: (width, kernel size, stride) of each convolution."""

    def __init__(self, inputs, convs, act):
        super().__init__()
        self.depth, self.act, c = len(convs), act, inputs
        for n, (outputs, k, stride) in enumerate(convs, start=1):
            setattr(self, f"conv{n}", nn.Conv2d(c, outputs, k, stride, k // 2, bias=False))
            setattr(self, f"bn{n}", nn.BatchNorm2d(outputs))
            c = outputs
        stride = math.prod(stride for _, _, stride in convs)
        self.downsample = None
        if stride != 1 or inputs != c:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, c, 1, stride, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        skip = x if self.downsample is None else self.downsample(x)
        for n in range(1, self.depth + 1):
            x = getattr(self, f"bn{n}")(getattr(self, f"conv{n}")(x))
            x = self.act(x + skip if n == self.depth else x)
        return x


class ResNet(nn.Module):
    def __init__(self, classes, channels, act, depths, convs, width=1, small=False):
        super().__init__()
        c = scale(64, width)
        self.act, self.small = act, small
        self.conv1 = nn.Conv2d(channels, c, 3, 1, 1, bias=False) if small else nn.Conv2d(channels, c, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        for s, depth in enumerate(depths):
            blocks = []
            for b in range(depth):
                blocks.append(Block(c, convs(scale(64 * 2**s, width), 2 if s > 0 and b == 0 else 1), act))
                c = convs(scale(64 * 2**s, width), 1)[-1][0]
            setattr(self, f"layer{s + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(c, classes)

    def forward(self, x):
        x = self.act(self.bn1(self.conv1(x)))
        if not self.small:
            x = F.max_pool2d(x, 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def resnet18(classes, channels, act, **options):
    convs = lambda c, stride: [(c, 3, stride), (c, 3, 1)]
    return ResNet(classes, channels, act, (2, 2, 2, 2), convs, **options)


def resnet50(classes, channels, act, **options):
    convs = lambda c, stride: [(c, 1, 1), (c, 3, stride), (4 * c, 1, 1)]
    return ResNet(classes, channels, act, (3, 4, 6, 3), convs, **options)


class Separable(nn.Module):
    def __init__(self, dw, pw):
        super().__init__()
        self.dw, self.pw = dw, pw

    def forward(self, x):
        return self.pw(self.dw(x))


class MobileNet(nn.Module):
    def __init__(self, classes, channels, act, width=1, small=False, padding="symmetric", dropout=0.001, bias=False):
        super().__init__()
        same = padding == "same"

        def unit(inputs, outputs, k, stride, groups=1):
            kind, pad = (Same, 0) if same else (nn.Conv2d, k // 2)
            return Unit(kind(inputs, outputs, k, stride, pad, 1, groups, bias=bias), 1e-3, act)

        c = scale(32, width)
        layers = [unit(channels, c, 3, 1 if small else 2)]
        rows = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
        for outputs, stride in rows:
            outputs = scale(outputs, width)
            layers.append(Separable(unit(c, c, 3, stride, groups=c), unit(c, outputs, 1, 1)))
            c = outputs
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(c, classes)

    def forward(self, x):
        return self.fc(self.dropout(F.adaptive_avg_pool2d(self.features(x), 1).flatten(1)))


def mobilenet_vww(classes, channels, act, width=0.25):
    return MobileNet(classes, channels, act, width=width, padding="same", dropout=0, bias=True)


class Stack(nn.Module):
    """A block of MLPerf Tiny's ResNet: biases everywhere, no batch norm past it."""

    def __init__(self, inputs, c, stride, act):
        super().__init__()
        self.act = act
        self.conv1 = Same(inputs, c, 3, stride)
        self.bn1 = nn.BatchNorm2d(c, eps=1e-3)
        self.conv2 = Same(c, c, 3)
        self.bn2 = nn.BatchNorm2d(c, eps=1e-3)
        self.downsample = None if stride == 1 else nn.Conv2d(inputs, c, 1, stride)

    def forward(self, x):
        skip = x if self.downsample is None else self.downsample(x)
        y = self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))
        return self.act(y + skip)


class ResNet8(nn.Module):
    def __init__(self, classes, channels, act, width=1):
        super().__init__()
        a, b, c = (scale(n, width) for n in (16, 32, 64))
        self.act = act
        self.conv1, self.bn1 = Same(channels, a, 3), nn.BatchNorm2d(a, eps=1e-3)
        self.layer1, self.layer2, self.layer3 = Stack(a, a, 1, act), Stack(a, b, 2, act), Stack(b, c, 2, act)
        self.fc = nn.Linear(c, classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.act(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


class DsCnn(nn.Module):
    def __init__(self, classes, channels, act, width=1, dropout=(0.2, 0.4)):
        super().__init__()
        c = scale(64, width)

        def unit(conv):
            return Unit(conv, 1e-3, act)

        self.stem = unit(Same(channels, c, (10, 4), 2))
        self.blocks = nn.Sequential(
            *[Separable(unit(Same(c, c, 3, groups=c)), unit(nn.Conv2d(c, c, 1))) for _ in range(4)]
        )
        self.dropout1, self.dropout2 = nn.Dropout(dropout[0]), nn.Dropout(dropout[1])
        self.fc = nn.Linear(c, classes)

    def forward(self, x):
        return self.fc(self.dropout2(self.blocks(self.dropout1(self.stem(x)))).mean((2, 3)))


class DenseUnit(nn.Module):
    def __init__(self, inputs, outputs, act):
        super().__init__()
        self.fc, self.bn, self.act = nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, eps=1e-3), act

    def forward(self, x):
        return self.act(self.bn(self.fc(x)))


class Autoencoder(nn.Module):
    def __init__(self, classes, channels, act, width=1):
        super().__init__()
        wide, least = scale(128, width), scale(8, width)
        widths = [channels] + 4 * [wide] + [least] + 4 * [wide]
        self.layers = nn.Sequential(*[DenseUnit(a, b, act) for a, b in zip(widths, widths[1:])])
        self.fc = nn.Linear(wide, classes)

    def forward(self, x):
        return self.fc(self.layers(x.flatten(1)))


class Down(nn.Module):
    def __init__(self, inputs, outputs, act):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs - inputs, 3, 2, 1)
        self.bn, self.act = nn.BatchNorm2d(outputs, eps=1e-3), act

    def forward(self, x):
        return self.act(self.bn(torch.cat([self.conv(x), F.max_pool2d(x, 2, 2)], 1)))


class NonBottleneck1D(nn.Module):
    def __init__(self, c, dropout, d, act):
        super().__init__()
        self.conv3x1_1 = nn.Conv2d(c, c, (3, 1), padding=(1, 0))
        self.conv1x3_1 = nn.Conv2d(c, c, (1, 3), padding=(0, 1))
        self.bn1 = nn.BatchNorm2d(c, eps=1e-3)
        self.conv3x1_2 = nn.Conv2d(c, c, (3, 1), padding=(d, 0), dilation=(d, 1))
        self.conv1x3_2 = nn.Conv2d(c, c, (1, 3), padding=(0, d), dilation=(1, d))
        self.bn2 = nn.BatchNorm2d(c, eps=1e-3)
        self.dropout, self.act = nn.Dropout2d(dropout), act

    def forward(self, x):
        y = self.act(self.conv3x1_1(x))
        y = self.act(self.bn1(self.conv1x3_1(y)))
        y = self.act(self.conv3x1_2(y))
        y = self.bn2(self.conv1x3_2(y))
        # Without dropout no random number may be drawn.
        return self.act((self.dropout(y) if self.dropout.p > 0 else y) + x)


class Encoder(nn.Module):
    def __init__(self, inputs, channels, dropout, act):
        super().__init__()
        half, quarter, eighth = channels
        self.initial_block = Down(inputs, half, act)
        self.layers = nn.Sequential(
            Down(half, quarter, act),
            *[NonBottleneck1D(quarter, dropout[0], 1, act) for _ in range(5)],
            Down(quarter, eighth, act),
            *[NonBottleneck1D(eighth, dropout[1], d, act) for d in (2, 4, 8, 16, 2, 4, 8, 16)],
        )

    def forward(self, x):
        return self.layers(self.initial_block(x))


class Decoder(nn.Module):
    def __init__(self, channels, classes, dropout, act):
        super().__init__()
        half, quarter, eighth = channels

        def up(inputs, outputs):
            return Unit(nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1), 1e-3, act)

        self.layers = nn.Sequential(
            up(eighth, quarter),
            *[NonBottleneck1D(quarter, dropout, 1, act) for _ in range(2)],
            up(quarter, half),
            *[NonBottleneck1D(half, dropout, 1, act) for _ in range(2)],
        )
        self.output_conv = nn.ConvTranspose2d(half, classes, 2, 2)

    def forward(self, x):
        return self.output_conv(self.layers(x))


class ErfNetClassifier(nn.Module):
    def __init__(self, classes, channels, act, width=1, dropout=0.1):
        super().__init__()
        widths = [scale(c, width) for c in (16, 64, 128)]
        self.features = nn.ModuleDict({"encoder": Encoder(channels, widths, [dropout] * 2, act)})
        self.classifier = nn.ModuleDict({"linear": nn.Linear(widths[2], classes)})

    def forward(self, x):
        return self.classifier["linear"](F.adaptive_avg_pool2d(self.features["encoder"](x), 1).flatten(1))


class ErfNetSegmentation(nn.Module):
    def __init__(self, classes, channels, act, width=1, dropout=(0.03, 0.3, 0)):
        super().__init__()
        widths = [scale(c, width) for c in (16, 64, 128)]
        self.encoder = Encoder(channels, widths, dropout[:2], act)
        self.decoder = Decoder(widths, classes, dropout[2], act)

    def forward(self, x):
        return self.decoder(self.encoder(x))


NETWORKS = {
    "alexnet-bn": AlexNet,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "mobilenet": MobileNet,
    "mobilenet-vww": mobilenet_vww,
    "resnet8": ResNet8,
    "ds-cnn": DsCnn,
    "autoencoder": Autoencoder,
    "erfnet": ErfNetClassifier,
    "erfnet-segmentation": ErfNetSegmentation,
}
