"""Images scaled bilinearly with antialiasing, as PyTorch does it."""
import json
import sys

import torch

case = json.loads(sys.argv[1])
image = torch.tensor(case["data"], dtype=torch.float32).reshape(1, case["height"], case["width"], 3)
scaled = [
    torch.nn.functional.interpolate(image.permute(0, 3, 1, 2), size, mode="bilinear", antialias=True)
    .permute(0, 2, 3, 1)
    .flatten()
    .tolist()
    for size in case["sizes"]
]
print(json.dumps(scaled))
