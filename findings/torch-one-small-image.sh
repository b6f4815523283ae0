#!/usr/bin/env bash
# package: torch 2.15.0 (PyPI), on a CPU
# guess:   a convolution in float32 rounds an image alone as it does in a batch: batches change speed, not errors
# happens: one image of up to 20,480 numbers is multiplied by another library than a batch. Alone, the gradient of an image of
#          32×16×16 by a 3×3 convolution is off by less than half as much from float64's as beside a second image, which changes
#          nothing in it; from 20,481 numbers on both have the same bits
# output:  20,480 numbers: the gradient is off by more than 1.5 times as much in a batch of two: yes; same bits: no
#          20,736 numbers: the gradient is off by more than 1.5 times as much in a batch of two: no; same bits: yes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.15.0

cat >compare.py <<'PYTHON'
import torch
from torch.nn.functional import conv2d

torch.set_num_threads(1)
torch.manual_seed(0)


def gradient(x, weight, dy):
    x = x.clone().requires_grad_()
    conv2d(x, weight, padding=1).backward(dy)
    return x.grad


def compare(channels, height, width):
    def random(*shape):
        return torch.randn(*shape).contiguous(memory_format=torch.channels_last)

    x, dy = (random(2, channels, height, width) for _ in range(2))
    weight = random(channels, channels, 3, 3)
    exact = gradient(x.double(), weight.double(), dy.double())[:1]
    alone = gradient(x[:1], weight, dy[:1])
    beside = gradient(x, weight, dy)[:1]

    def error(of):
        return (of.double() - exact).square().mean().sqrt().item()

    ratio = error(beside) / error(alone)
    print(
        f"{x[0].numel():,} numbers: the gradient is off by more than 1.5 times as much in a batch of two: "
        f"{'yes' if ratio > 1.5 else 'no'}; same bits: {'yes' if torch.equal(alone, beside) else 'no'}"
    )


compare(32, 32, 20)
compare(64, 18, 18)
PYTHON
venv/bin/python compare.py 2>/dev/null | tee output
diff output - <<'TEXT'
20,480 numbers: the gradient is off by more than 1.5 times as much in a batch of two: yes; same bits: no
20,736 numbers: the gradient is off by more than 1.5 times as much in a batch of two: no; same bits: yes
TEXT
