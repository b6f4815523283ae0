"""Draws capital letters of fonts as coloured images of 32x32: draw.py FONTS DIR, with a folder in FONTS for each package."""

import random
import shutil
import string
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 32
# Drawn four times as large, so that turning and moving by parts of a pixel stay smooth.
SCALE = 4
# Of each letter, from each package.
IMAGES = 6
# Between the letter and what is behind it, at least, of 255.
CONTRAST = 90
# Standard deviation, of 255.
NOISE = 8


def main(fonts: Path, target: Path) -> None:
    draws = random.Random(0)
    shutil.rmtree(target, ignore_errors=True)
    packages = sorted(folder for folder in fonts.iterdir() if folder.is_dir())
    # Every fourth, in the order of their names, is for validation.
    for number, package in enumerate(packages):
        draw_package(draws, package, target / ("val" if number % 4 == 3 else "train"))


def draw_package(draws: random.Random, package: Path, part: Path) -> None:
    """The same number of images from each package, however many faces it has."""
    faces = [face for face in sorted(package.rglob("*.[ot]tf")) if has_letters(face)]
    if not faces:
        sys.exit(f"{package.name} has no font with Latin letters")
    for letter in string.ascii_uppercase:
        folder = part / letter
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(IMAGES):
            image = draw_letter(draws, draws.choice(faces), letter)
            image.save(folder / f"{package.name}-{number}.png")


def has_letters(face: Path) -> bool:
    """Whether capital letters are there: shapes that differ from each other, none of them what stands for a missing one."""
    font = ImageFont.truetype(str(face), SIDE)
    missing = bytes(font.getmask("\ufffe"))
    shapes = {bytes(font.getmask(letter)) for letter in string.ascii_uppercase} - {missing, b""}
    return len(shapes) == len(string.ascii_uppercase)


def draw_letter(draws: random.Random, face: Path, letter: str) -> Image.Image:
    side = SIDE * SCALE
    height = draws.uniform(0.6, 0.85) * side
    font = ImageFont.truetype(str(face), int(height))
    left, top, right, bottom = font.getbbox(letter)
    # As high as was drawn, or as wide, whatever the font calls its size.
    font = ImageFont.truetype(str(face), max(8, int(height * height / max(right - left, bottom - top, 1))))
    mask = Image.new("L", (side, side))
    centre = [side / 2 + draws.uniform(-0.06, 0.06) * side for _ in "xy"]
    ImageDraw.Draw(mask).text(centre, letter, 255, font, anchor="mm")
    mask = mask.rotate(draws.uniform(-10, 10), Image.BICUBIC).resize((SIDE, SIDE), Image.BOX)
    ink, paper = draw_colours(draws)
    image = Image.composite(Image.new("RGB", mask.size, ink), draw_paper(draws, paper), mask)
    return image.filter(ImageFilter.GaussianBlur(draws.uniform(0, 0.7)))


def draw_colours(draws: random.Random) -> "list[tuple[int, int, int]]":
    while True:
        colours = [tuple(draws.randrange(256) for _ in "rgb") for _ in range(2)]
        ink, paper = (0.299 * r + 0.587 * g + 0.114 * b for r, g, b in colours)
        if abs(ink - paper) >= CONTRAST:
            return colours


def draw_paper(draws: random.Random, colour: "tuple[int, int, int]") -> Image.Image:
    """A colour with noise."""
    noise = bytes(min(255, max(0, int(draws.gauss(value, NOISE)))) for _ in range(SIDE * SIDE) for value in colour)
    return Image.frombytes("RGB", (SIDE, SIDE), noise)


main(Path(sys.argv[1]), Path(sys.argv[2]))
