"""Writes weights as timm's mobilenetv1 has them, and what that network computes, for initial-weights.test.ts.

Usage: timm_weights.py WIDTH CLASSES FOLDER

Names and order of the layers are those of timm 1.0.31. FOLDER gets timm.safetensors and timm.output.safetensors.
"""

import sys

import torch
import torch.nn.functional as F
from torch import nn

import safetensors_file
from golden import golden_fill, golden_input
from networks import scale

# Blocks, channels and the first stride of each stage.
STAGES = [(1, 64, 1), (2, 128, 2), (2, 256, 2), (6, 512, 2), (2, 1024, 2)]


class DepthwiseSeparable(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv_dw = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv_pw = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu6(self.bn2(self.conv_pw(F.relu6(self.bn1(self.conv_dw(x))))))


class MobileNetV1(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        c = scale(32, width)
        self.conv_stem = nn.Conv2d(3, c, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        stages = []
        for count, outputs, stride in STAGES:
            blocks = []
            for n in range(count):
                blocks.append(DepthwiseSeparable(c, scale(outputs, width), stride if n == 0 else 1))
                c = scale(outputs, width)
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.classifier = nn.Linear(c, classes)

    def forward(self, x):
        x = self.blocks(F.relu6(self.bn1(self.conv_stem(x))))
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))


def main():
    width, classes, folder = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    model = MobileNetV1(width, classes).eval()
    golden_fill(model)
    safetensors_file.write(f"{folder}/timm.safetensors", model.state_dict())
    with torch.no_grad():
        safetensors_file.write(
            f"{folder}/timm.output.safetensors", {"output": model(golden_input([2, 3, 64, 64], torch.float32))}
        )


if __name__ == "__main__":
    main()
