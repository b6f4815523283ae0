#!/usr/bin/env bash
# package: sharp 0.35.5 (npm, Node 20; libvips 8.18.7); the files by tifffile 2025.5.10 (PyPI, Python 3.11)
# guess:   floats of 32 bits from 0 to 1 become bytes from 0 to 255, in grey and in colour, as whole numbers of 16 bits do;
#          colours stored as YCbCr become RGB
# happens: grey floats are taken for numbers up to 255 and cut off, so that a picture from 0 to 1 is black, and colour ones
#          for linear light; YCbCr that is neither compressed nor subsampled is handed out as if it were RGB. No warning
# output:  grey 0,0,0; colour 188,188,188; YCbCr 255,128,128 (white, as it is stored)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet tifffile==2025.5.10 numpy==2.2.6
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . sharp@0.35.5

cat >write.py <<'PYTHON'
import numpy
import tifffile

tifffile.imwrite("grey.tif", numpy.full((8, 8), 0.5, numpy.float32), photometric="minisblack")
tifffile.imwrite("colour.tif", numpy.full((8, 8, 3), 0.5, numpy.float32), photometric="rgb")
white = numpy.tile(numpy.array([255, 128, 128], numpy.uint8), (8, 8, 1))
tifffile.imwrite("YCbCr.tif", white, photometric="ycbcr", subsampling=(1, 1))
PYTHON
venv/bin/python write.py

cat >read.mjs <<'NODE'
import assert from "node:assert/strict";
import sharp from "sharp";

const first = async (name) => {
  const bytes = await sharp(`${name}.tif`).toColourspace("srgb").raw().toBuffer();
  return `${name} ${[...bytes.subarray(0, 3)]}`;
};
const seen = [await first("grey"), await first("colour"), await first("YCbCr")].join("; ");
console.log(seen);
assert.equal(seen, "grey 0,0,0; colour 188,188,188; YCbCr 255,128,128", "sharp reads these as others do now");
NODE
node read.mjs
