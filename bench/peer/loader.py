"""Images in files on the way to a network, as a careful PyTorch user loads them: DataLoader and PIL.

torchvision's RandomResizedCrop and RandomHorizontalFlip by hand, since Debian has torchvision for another torch. The
processes of the loader hand over bytes in channels_last; the batch is standardized at once.
"""

import math
import os

import torch
from torch.utils.data import DataLoader, Dataset

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def uniform(low, high):
    return torch.empty(()).uniform_(low, high).item()


def random_window(width, height):
    """(left, top, width, height): 8 to 100 % of the area, sides in a ratio from 3/4 to 4/3."""
    for _ in range(10):
        area = width * height * uniform(0.08, 1)
        ratio = math.exp(uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left = int(torch.randint(width - w + 1, ()))
            top = int(torch.randint(height - h + 1, ()))
            return left, top, w, h
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side, side


class ImageFolder(Dataset):
    def __init__(self, root, side):
        classes = sorted(os.listdir(root))
        self.samples = [
            (os.path.join(root, name, file), label)
            for label, name in enumerate(classes)
            for file in sorted(os.listdir(os.path.join(root, name)))
        ]
        self.side = side

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        from PIL import Image

        path, label = self.samples[index]
        with Image.open(path) as file:
            image = file.convert("RGB")
        left, top, width, height = random_window(*image.size)
        image = image.crop((left, top, left + width, top + height)).resize((self.side, self.side), Image.BILINEAR)
        if torch.rand(()) < 0.5:
            image = image.transpose(Image.FLIP_LEFT_RIGHT)
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        return pixels.view(self.side, self.side, 3), label


def create_loader(root, batch, side, workers):
    """Returns a function that gives the batches of a new epoch: float32 [B, 3, side, side] in channels_last, labels."""
    loader = DataLoader(
        ImageFolder(root, side),
        batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=True,
    )
    mean, std = (255 * torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))

    def batches():
        for pixels, labels in loader:
            yield pixels.permute(0, 3, 1, 2).float().sub_(mean).div_(std), labels

    return batches
