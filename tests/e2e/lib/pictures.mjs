// Compares screenshots with the committed ones, at a tolerance for another version of the fonts.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";

/** How different a pixel's colour may be, and which part of all pixels may be more different. */
const THRESHOLD = 0.2;
const PART_MAX = 0.02;
/** Larger pictures are kept at half their size. */
const WIDTH_MAX = 2600;
/** The bits of a colour that are kept: soft shades would make a picture three times as large. */
const KEPT_BITS = 0xfc;

/** The mean of each four pixels. */
function halved(picture) {
  const small = new PNG({ width: picture.width >> 1, height: picture.height >> 1 });
  for (let y = 0; y < small.height; y += 1) {
    for (let x = 0; x < small.width; x += 1) {
      for (let c = 0; c < 4; c += 1) {
        const at = (dx, dy) => picture.data[((2 * y + dy) * picture.width + 2 * x + dx) * 4 + c];
        small.data[(y * small.width + x) * 4 + c] =
          (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) >> 2;
      }
    }
  }
  return small;
}

/**
 * Holds `bytes` against the committed picture in `file`. With UPDATE_SCREENS=1 it becomes the
 * committed one. What differs is left in `out`.
 */
export function compare(bytes, file, out) {
  let picture = PNG.sync.read(bytes);
  if (picture.width > WIDTH_MAX) picture = halved(picture);
  const { width, height } = picture;
  if (process.env.UPDATE_SCREENS) {
    picture.data.forEach((part, n) => {
      picture.data[n] = part & KEPT_BITS;
    });
    const options = { colorType: 2, deflateLevel: 9, deflateStrategy: 0, filterType: 0 };
    writeFileSync(file, PNG.sync.write(picture, options));
    return 0;
  }
  if (!existsSync(file)) throw new Error(`${file} is not committed; UPDATE_SCREENS=1 makes it`);
  const committed = PNG.sync.read(readFileSync(file));
  if (committed.width !== width || committed.height !== height)
    throw new Error(`${file} has another size`);
  const difference = new PNG({ width, height });
  const options = { threshold: THRESHOLD };
  const part =
    pixelmatch(committed.data, picture.data, difference.data, width, height, options) /
    (width * height);
  if (part > PART_MAX) {
    writeFileSync(`${out}.seen.png`, PNG.sync.write(picture));
    writeFileSync(`${out}.difference.png`, PNG.sync.write(difference));
    throw new Error(`${(100 * part).toFixed(2)} % of the picture differ; see ${out}.*.png`);
  }
  return part;
}
