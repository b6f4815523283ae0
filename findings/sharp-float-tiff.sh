#!/usr/bin/env bash
# package: sharp 0.35.5 (npm, Node 20; libvips 8.18.7)
# guess:   floats of 32 bits from 0 to 1 become bytes from 0 to 255, in grey and in colour, as whole numbers of 16 bits do;
#          colours stored as YCbCr become RGB
# happens: grey floats are taken for numbers up to 255 and cut off, so that a picture from 0 to 1 is black, and colour ones
#          for linear light; YCbCr that is neither compressed nor subsampled is handed out as if it were RGB. No warning
# output:  0.5 in grey: 0; 0.5 in colour: 188; white in YCbCr: 255,128,128
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5
cat >probe.mjs <<'JS'
import sharp from "sharp";
// A little-endian TIFF of 8×8 equal pixels in one strip.
function tiff(pixel, bits, photometric, more = {}) {
  const channels = pixel.length;
  const one = Buffer.concat(pixel.map((value) => {
    const bytes = Buffer.alloc(bits / 8);
    bits === 32 ? bytes.writeFloatLE(value) : bytes.writeUInt8(value);
    return bytes;
  }));
  const data = Buffer.concat(Array(64).fill(one));
  const fields = { 256: 8, 257: 8, 258: bits, 259: 1, 262: photometric, 273: 8, 277: channels, 278: 8, 279: data.length, ...more };
  const tags = Object.keys(fields).map(Number).sort((a, b) => a - b);
  const directory = Buffer.alloc(2 + 12 * tags.length + 4);
  const depths = Buffer.alloc(2 * channels);
  for (let i = 0; i < channels; i++) depths.writeUInt16LE(bits, 2 * i);
  directory.writeUInt16LE(tags.length);
  tags.forEach((tag, i) => {
    const at = 2 + 12 * i, isList = tag === 258 && channels > 2;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(isList || tag === 530 ? 3 : 4, at + 2);
    directory.writeUInt32LE(isList ? channels : tag === 530 ? 2 : 1, at + 4);
    directory.writeUInt32LE(isList ? 8 + data.length + directory.length : fields[tag], at + 8);
  });
  const head = Buffer.from("II*\0\0\0\0\0", "latin1");
  head.writeUInt32LE(8 + data.length, 4);
  return Buffer.concat([head, data, directory, depths]);
}
const first = async (bytes) => [...(await sharp(bytes).toColourspace("srgb").raw().toBuffer()).subarray(0, 3)].join();
const FLOAT = { 339: 3 };
console.log("grey", await first(tiff([0.5], 32, 1, FLOAT)));
console.log("colour", await first(tiff([0.5, 0.5, 0.5], 32, 2, FLOAT)));
console.log("YCbCr", await first(tiff([255, 128, 128], 8, 6, { 530: 0x10001 })));
JS
seen=$(node probe.mjs)
echo "$seen"
[[ $seen == $'grey 0,0,0\ncolour 188,188,188\nYCbCr 255,128,128' ]]
