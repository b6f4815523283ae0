"""Small networks, each of constructs that exporters write in their own ways. Weights are random, from one seed."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def conv_bn(i, o, k=3, stride=1, groups=1, act=None):
    layers = [nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, *([act] if act else []))


class Head(nn.Module):
    def __init__(self, channels, classes=5):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(x), 1))


class Residual(nn.Module):
    def __init__(self, i, o, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(o)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(o)
        self.down = conv_bn(i, o, 1, stride) if stride > 1 or i != o else nn.Identity()

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.down(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8, 7, 2, act=nn.ReLU())
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Residual(8, 8), Residual(8, 16, 2))
        self.head = Head(16)

    def forward(self, x):
        return self.head(self.layer1(self.pool(self.stem(x))))


class Squeeze(nn.Module):
    def __init__(self, c, gate):
        super().__init__()
        self.fc1 = nn.Conv2d(c, 4, 1)
        self.fc2 = nn.Conv2d(4, c, 1)
        self.gate = gate

    def forward(self, x):
        y = x.mean((2, 3), keepdim=True)
        return x * self.gate(self.fc2(F.relu(self.fc1(y))))


class Inverted(nn.Module):
    def __init__(self, i, o, stride, act, gate=None):
        super().__init__()
        self.expand = conv_bn(i, 2 * i, 1, act=act())
        self.depth = conv_bn(2 * i, 2 * i, 3, stride, 2 * i, act())
        self.squeeze = Squeeze(2 * i, gate) if gate else nn.Identity()
        self.project = conv_bn(2 * i, o, 1)
        self.skips = stride == 1 and i == o

    def forward(self, x):
        y = self.project(self.squeeze(self.depth(self.expand(x))))
        return x + y if self.skips else y


class MobileNet(nn.Module):
    def __init__(self, act, gate=None):
        super().__init__()
        self.features = nn.Sequential(
            conv_bn(3, 8, 3, 2, act=act()), Inverted(8, 8, 1, act, gate), Inverted(8, 12, 2, act, gate)
        )
        self.drop = nn.Dropout(0.2)
        self.classifier = nn.Linear(12, 5)

    def forward(self, x):
        return self.classifier(self.drop(self.features(x).mean([2, 3])))


class Activations(nn.Module):
    """Each kind once, as the framework has it."""

    def __init__(self):
        super().__init__()
        kinds = [nn.SiLU(), nn.GELU(), nn.Hardswish(), nn.Hardsigmoid(), nn.ELU(0.7), nn.LeakyReLU(0.1), nn.PReLU(6)]
        kinds += [nn.ReLU6(), nn.Hardtanh(-0.5, 1.5), nn.Tanh(), nn.Sigmoid(), nn.Softplus(), nn.CELU(0.8), nn.SELU()]
        if hasattr(nn, "Mish"):
            kinds += [nn.Mish(), nn.GELU(approximate="tanh"), nn.PReLU(1)]
        self.convs = nn.ModuleList(nn.Conv2d(3, 6, 1) for _ in kinds)
        self.acts = nn.ModuleList(kinds)
        self.head = Head(6 * len(kinds))

    def forward(self, x):
        x = x * 3
        return self.head(torch.cat([act(conv(x)) for conv, act in zip(self.convs, self.acts)], 1))


class HandWritten(nn.Module):
    """The same, spelled out by users."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.head = Head(6 * 9)

    def forward(self, x):
        x = self.conv(x * 3)
        parts = [
            x * torch.sigmoid(x),
            x * torch.tanh(F.softplus(x)),
            x * F.relu6(x + 3) / 6,
            0.5 * x * (1 + torch.erf(x * 0.7071067811865476)),
            0.5 * x * (1 + torch.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))),
            torch.clamp(x, min=0),
            F.threshold(x - 0.1, 0.0, 0.0),
            torch.maximum(x - 0.2, torch.zeros(1)),
            x.clamp(0, 6) * torch.sigmoid(1.702 * x),
        ]
        return self.head(torch.cat(parts, 1))


class Shuffle(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8, 3, 2, act=nn.ReLU())
        self.branch = nn.Sequential(conv_bn(4, 4, 1, act=nn.ReLU()), conv_bn(4, 4, 3, 1, 4), conv_bn(4, 4, 1, act=nn.ReLU()))
        self.head = Head(8)

    def forward(self, x):
        x = self.stem(x)
        for _ in range(2):
            a, b = x.chunk(2, dim=1)
            x = torch.cat((a, self.branch(b)), dim=1)
            n, c, h, w = x.shape
            x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.head(x)


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, 2, 1)
        self.bn1, self.conv1 = nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3, padding=1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(10), nn.Conv2d(10, 4, 3, padding=1, bias=False)
        self.pools = nn.ModuleList([nn.AvgPool2d(2), nn.AvgPool2d(3, 2, 1, count_include_pad=False)])
        self.last = nn.AvgPool2d(3, 2, ceil_mode=True)
        self.bn3 = nn.BatchNorm2d(14, momentum=0.3)
        self.head = Head(14)

    def forward(self, x):
        x = self.pools[0](self.stem(x))
        x = torch.cat([x, self.conv1(F.relu(self.bn1(x)))], 1)
        x = self.pools[1](torch.cat([x, self.conv2(F.relu(self.bn2(x)))], 1))
        return self.head(F.relu(self.bn3(self.last(x))))


class UNet(nn.Module):
    """Answers for each pixel; its last bias is also added to the image, unless it is left to its layer."""

    def __init__(self, adds_bias=True):
        super().__init__()
        self.adds_bias = adds_bias
        self.a = conv_bn(3, 4, act=nn.ReLU())
        self.b = conv_bn(4, 8, 3, 2, act=nn.ReLU())
        self.c = conv_bn(8, 8, 3, 2, act=nn.ReLU())
        self.up1 = nn.ConvTranspose2d(8, 8, 2, 2)
        self.up2 = nn.ConvTranspose2d(16, 4, 3, 2, 1, output_padding=1, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.out = nn.Conv2d(8 + 8, 3, 1)

    def forward(self, x):
        a = self.a(x)
        b = self.b(a)
        c = self.c(b)
        d = torch.cat([self.up1(c), b], 1)
        e = torch.cat([F.relu(self.bn(self.up2(d))), a], 1)
        f = F.interpolate(c, size=x.shape[2:], mode="bilinear", align_corners=False)
        answer = self.out(torch.cat([e, f], 1))
        if not self.adds_bias:
            return answer
        return answer + F.interpolate(self.out.bias.view(1, 3, 1, 1) + x, scale_factor=1.0)


class Scaling(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)
        self.near = nn.Upsample(scale_factor=2, mode="nearest")
        self.linear = nn.UpsamplingBilinear2d(scale_factor=2)
        self.shuffle = nn.PixelShuffle(2)
        self.out = nn.Conv2d(1 + 4 + 4, 2, 1)

    def forward(self, x):
        x = F.relu(self.conv(x))
        return self.out(torch.cat([self.near(x), self.linear(x), self.shuffle(x)], 1))


class Pads(nn.Module):
    def __init__(self):
        super().__init__()
        self.zero = nn.ZeroPad2d((0, 1, 0, 1))
        self.conv1 = nn.Conv2d(3, 6, 3, 2)
        self.reflect = nn.ReflectionPad2d(1)
        self.conv2 = nn.Conv2d(6, 6, 3)
        self.same = nn.Conv2d(6, 6, 4, padding="same")
        self.edge = nn.ReplicationPad2d(2)
        self.odd = nn.Conv2d(6, 6, (3, 5), stride=(2, 1), dilation=(1, 2), groups=3)
        self.constant = nn.ConstantPad2d(1, 0.5)
        self.pool = nn.MaxPool2d(3, 2)
        self.head = Head(6)

    def forward(self, x):
        x = F.relu(self.conv1(self.zero(x)))
        x = F.relu(self.conv2(self.reflect(x)))
        x = F.relu(self.odd(self.edge(self.same(x))))
        x = self.pool(F.pad(x, (0, 1, 0, 1)))
        return self.head(self.constant(x))


class ConvNeXt(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.depth = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm = nn.LayerNorm(8, eps=1e-6)
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)
        self.gamma = nn.Parameter(torch.rand(8, 1, 1))
        self.act = nn.GELU()
        self.head = Head(8)

    def forward(self, x):
        x = self.stem(x)
        y = self.norm(self.depth(x).permute(0, 2, 3, 1))
        y = self.down(self.act(self.up(y))).permute(0, 3, 1, 2)
        return self.head(x + self.gamma * y)


class Heads(nn.Module):
    """Ways to the last layer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, 4, 1)
        self.fc1 = nn.Linear(6 * 8 * 8, 7, bias=False)
        self.bn = nn.BatchNorm1d(7)
        self.fc2 = nn.Linear(7, 5)
        self.last = nn.Conv2d(6, 5, 1)

    def forward(self, x):
        x = F.relu(self.conv(x))
        a = self.fc2(F.relu(self.bn(self.fc1(x.view(x.size(0), -1)))))
        b = self.last(x).mean(3).mean(2)
        c = F.adaptive_max_pool2d(self.last(x), 1).squeeze(-1).squeeze(-1)
        return a + b - c * 0.5


class Shared(nn.Module):
    """One module called twice, two modules on one tensor, untrained norms whose tensors are equal, a bias of zeros."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6))
        self.again = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(6), nn.BatchNorm2d(6)
        self.act1, self.act2 = nn.ReLU(), nn.ReLU()
        self.tied = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.tied.weight = self.again.weight
        self.head = Head(6)
        nn.init.zeros_(self.head.fc.bias)

    def forward(self, x):
        x = self.stem(x)
        x = self.bn1(self.again(self.act1(x))) + self.bn2(self.again(self.act2(x)))
        return self.head(torch.relu(self.tied(x)))


class Attention(nn.Module):
    """Softmax over branches, as ResNeSt's; parts of tensors by slices."""

    def __init__(self):
        super().__init__()
        self.conv = conv_bn(3, 12, 3, 2, 3, nn.ReLU())
        self.fc = nn.Conv2d(6, 12, 1)
        self.head = Head(4)

    def forward(self, x):
        x = self.conv(x)
        a, b = x.split([6, 6], dim=1)
        weights = self.fc((a + b).mean((2, 3), keepdim=True))
        weights = torch.softmax(weights.view(weights.size(0), 1, 2, 6).transpose(1, 2), dim=1)
        x = (torch.stack([a, b], 1) * weights.reshape(-1, 2, 6, 1, 1)).sum(1)
        return self.head(x[:, 1:5] * 2 - x[:, -4:] / 3)


class Windows(nn.Module):
    """Attention over windows of an image, as EfficientViT's; a pool behind ConvNeXt's turned norm."""

    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8, 3, 4, act=nn.ReLU())
        self.mix = conv_bn(8, 24, 1)
        self.depth = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 5)

    def attended(self, x):
        q, k, v = self.mix(x).flatten(2).chunk(3, dim=1)
        weights = ((q * 0.25).transpose(1, 2) @ k).softmax(dim=-1)
        return (v @ weights.transpose(1, 2)).view(-1, 8, 4, 4)

    def forward(self, x):
        x = self.stem(x)
        n, c, h, w = x.shape
        rows, columns = h // 4, w // 4
        y = x.permute(0, 2, 3, 1).view(n, rows, 4, columns, 4, c).transpose(2, 3)
        y = self.attended(y.reshape(n * rows * columns, 4, 4, c).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        y = y.view(n, rows, columns, 4, 4, c).transpose(2, 3).reshape(n, h, w, c)
        x = x + self.depth(self.norm1(y).permute(0, 3, 1, 2))
        x = self.norm2(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.fc(torch.flatten(self.pool(x), 1))


class Taken(nn.Module):
    """Elements of images taken by their places: pools to sizes that do not divide, scaling to the nearest element."""

    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 6, 3, 4, act=nn.ReLU())
        self.gamma = nn.Parameter(torch.rand(6, 1, 1))
        self.pool = nn.AdaptiveAvgPool2d((3, 5))
        self.fc = nn.Linear(6 * 15, 5)
        self.head = Head(6)

    def forward(self, x):
        x = self.stem(x) * self.gamma
        y = F.interpolate(x, scale_factor=2, mode="nearest-exact")
        z = F.interpolate(x, size=(5, 7), mode="nearest-exact")
        return self.fc(torch.flatten(self.pool(x), 1)) + self.head(y) - self.head(z[:, :, 1:, 2:])


networks = {
    "resnet": ResNet,
    "mobilenet": lambda: MobileNet(nn.ReLU6),
    "mobilenet-gated": lambda: MobileNet(nn.Hardswish, nn.Hardsigmoid()),
    "efficientnet": lambda: MobileNet(nn.SiLU, nn.Sigmoid()),
    "activations": Activations,
    "hand-written": HandWritten,
    "shuffle": Shuffle,
    "dense": Dense,
    "unet": UNet,
    "decoder": lambda: UNet(adds_bias=False),
    "scaling": Scaling,
    "pads": Pads,
    "convnext": ConvNeXt,
    "heads": Heads,
    "shared": Shared,
    "attention": Attention,
    "windows": Windows,
    "taken": Taken,
}


def make(name):
    """The network, ready to be evaluated, with norms that do something; those of `shared` are untrained."""
    torch.manual_seed(7)
    network = networks[name]()
    if name != "shared":
        enliven(network)
    return network.eval()


def enliven(network):
    """Gives norms numbers as if they had been trained."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
