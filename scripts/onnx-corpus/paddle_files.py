"""Files by Paddle through paddle2onnx, each with the answer that Paddle gives to two images.

usage: paddle_files.py FOLDER"""
import os
import sys

import paddle
import paddle.nn as nn
import paddle.nn.functional as F

from images import keep_answer, some_images

folder = sys.argv[1]


def conv_bn(i, o, k=3, stride=1, groups=1, act=None):
    layers = [nn.Conv2D(i, o, k, stride, k // 2, groups=groups, bias_attr=False), nn.BatchNorm2D(o)]
    return nn.Sequential(*layers, *([act] if act else []))


class Residual(nn.Layer):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8, 3, 2, act=nn.ReLU())
        self.a, self.b = conv_bn(8, 8, act=nn.ReLU()), conv_bn(8, 8)
        self.pool, self.fc = nn.AdaptiveAvgPool2D(1), nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        x = F.relu(x + self.b(self.a(x)))
        return self.fc(paddle.flatten(self.pool(x), 1))


class Mobile(nn.Layer):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8, 3, 2, act=nn.Hardswish())
        self.depth = conv_bn(8, 8, 3, 1, 8, nn.Hardswish())
        self.fc1, self.fc2 = nn.Conv2D(8, 4, 1), nn.Conv2D(4, 8, 1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = self.depth(self.stem(x))
        y = F.hardsigmoid(self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1)))))
        return self.fc((x * y).mean([2, 3]))


class Activations(nn.Layer):
    def __init__(self):
        super().__init__()
        kinds = [nn.Silu(), nn.GELU(), nn.Mish(), nn.ELU(), nn.PReLU(6), nn.ReLU6(), nn.Swish()]
        self.convs = nn.LayerList([nn.Conv2D(3, 6, 1) for _ in kinds])
        self.acts = nn.LayerList(kinds)
        self.fc = nn.Linear(6 * len(kinds), 5)

    def forward(self, x):
        x = paddle.concat([act(conv(x)) for conv, act in zip(self.convs, self.acts)], 1)
        return self.fc(x.mean([2, 3]))


class UNet(nn.Layer):
    def __init__(self):
        super().__init__()
        self.a, self.b = conv_bn(3, 4, act=nn.ReLU()), conv_bn(4, 8, 3, 2, act=nn.ReLU())
        self.up, self.out = nn.Conv2DTranspose(8, 4, 2, 2), nn.Conv2D(16, 3, 1)

    def forward(self, x):
        a = self.a(x)
        b = self.b(a)
        c = F.interpolate(b, size=[8, 8], mode="bilinear")
        return self.out(paddle.concat([a, self.up(b), c], 1))


networks = {"resnet": Residual, "mobilenet": Mobile, "activations": Activations, "unet": UNet}
for name, build in networks.items():
    size = 8 if name == "unet" else 32  # small where the answer is one for each pixel
    images = paddle.to_tensor(some_images((2, 3, size, size)))
    for opset in (9, 13) if name != "unet" else (13, 17):
        paddle.seed(7)
        network = build()
        network.eval()
        for layer in network.sublayers():
            if isinstance(layer, nn.BatchNorm2D):
                c = layer.weight.shape[0]
                layer.weight.set_value(paddle.uniform([c], min=0.5, max=1.5))
                layer._mean.set_value(paddle.normal(0, 0.1, [c]))
                layer._variance.set_value(paddle.uniform([c], min=0.5, max=1.5))
        path = os.path.join(folder, f"{name}.paddle{opset}")
        spec = [paddle.static.InputSpec([None, 3, size, size], "float32", "x")]
        try:
            paddle.onnx.export(network, path, input_spec=spec, opset_version=opset)
        except Exception as error:
            print(f"{name}.paddle{opset}: {str(error).splitlines()[0][:100]}")
            continue
        keep_answer(folder, os.path.basename(path) + ".onnx", (2, 3, size, size), network(images).numpy())
