"""Trains a network with Swish on Fashion-MNIST in PyTorch and exports it for `pea train`; see docs/import.md.

usage: train_swish.py FILE.onnx [--epochs N] [--data-dir FOLDER]"""
import argparse
import gzip
import pathlib

import torch
import torch.nn.functional as F
from torch import nn


def read(folder, name):
    """A file of the data set, compressed or not, as bytes without its header."""
    path = folder / name
    content = path.read_bytes() if path.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
    axes = content[3]
    sizes = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    return torch.frombuffer(bytearray(content[4 + 4 * axes :]), dtype=torch.uint8).reshape(sizes)


def load(folder, part, statistics=None):
    """Images [N, 1, 28, 28], standardized as pea does it: by mean and deviation of the training images."""
    images = read(folder, f"{part}-images-idx3-ubyte")[:, None].float() / 255
    mean, deviation = statistics or (images.mean(), images.std())
    return (images - mean) / deviation, read(folder, f"{part}-labels-idx1-ubyte").long(), (mean, deviation)


def block(inputs, outputs, stride):
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.SiLU())


def network():
    body = [block(1, 16, 1), block(16, 32, 2), block(32, 64, 2), block(64, 64, 1)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def train(model, images, labels, epochs, batch=128):
    steps = epochs * (len(images) // batch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        for picked in torch.randperm(len(images)).split(batch)[: steps // epochs]:
            loss = F.cross_entropy(model(images[picked]), labels[picked])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        answers = torch.cat([model(part).argmax(1) for part in images.split(1000)])
    return (answers == labels).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--data-dir", type=pathlib.Path, default="/usr/share/datasets/fashion-mnist")
    given = parser.parse_args()
    torch.manual_seed(0)
    images, labels, statistics = load(given.data_dir, "train")
    test_images, test_labels, _ = load(given.data_dir, "t10k", statistics)
    model = network()
    train(model, images, labels, given.epochs)
    print(f"with Swish: {100 * accuracy(model, test_images, test_labels):.2f} % of the test images")
    torch.onnx.export(
        model.eval(),
        (images[:2],),
        given.file,
        training=torch.onnx.TrainingMode.PRESERVE,
        opset_version=17,
        input_names=["images"],
        dynamic_axes={"images": {0: "batch"}},
        # PyTorch 2's default exporter would fold the batch norms.
        **({} if torch.__version__.startswith("1.") else {"dynamo": False}),
    )


main()
