"""Does what a README beside an exported file says, from its first block of a shell or of Python to its last.

Arguments: the folder, and the sizes of an image, `3,32,32`. `images.in` in the folder holds images of float32 one after the
other; `logits.out` becomes the answers that the steps end with.
"""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np

folder, sizes = sys.argv[1], tuple(int(size) for size in sys.argv[2].split(","))
os.chdir(folder)
os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
known = {"images": np.fromfile("images.in", np.float32).reshape(-1, *sizes)}
steps = re.findall(r"^```(sh|python)\n(.*?)^```$", pathlib.Path("README.md").read_text(), re.DOTALL | re.MULTILINE)
for language, lines in steps:
    if language == "sh":
        subprocess.run(["bash", "-euo", "pipefail", "-c", lines], check=True)
    else:
        exec(compile(lines, "README.md", "exec"), known)
known["logits"].astype(np.float32).tofile("logits.out")
