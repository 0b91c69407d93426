'use strict';
// From an image file to the pixels that the model gets, as `catdog.images.decode` defines them:
// upright, RGB, transparent pixels over white, without colour management; then stretched by bilinear
// interpolation at the centres of the pixels, without antialiasing.

const ROWS_AT_ONCE = 256; // a canvas of a whole photo would be too large for some phones

/** Decode an image file; the browser turns it upright by its EXIF data. */
async function decode(file) {
  const options = {imageOrientation: 'from-image', colorSpaceConversion: 'none'};
  return createImageBitmap(file, options);
}

/** Return whether a file is a JPEG image, by its first bytes. */
async function isJpeg(file) {
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  return first === 0xff && second === 0xd8;
}

/**
 * Return by what a JPEG image is reduced while it is decoded: 8, 4, 2 or 1, the most that leaves
 * twice the width and height of the model.
 *
 * Decoders of JPEG do so by computing fewer frequencies of each block. Browsers have no such option,
 * and `readRgb` takes the mean of each block instead, which is nearly the same.
 */
function jpegReduction(width, height, modelWidth, modelHeight) {
  const most = Math.min(width / (2 * modelWidth), height / (2 * modelHeight));
  return [8, 4, 2].find(factor => factor <= most) ?? 1;
}

/** Return an image over white as RGB, each pixel the mean of `factor` x `factor` pixels. */
function readRgb(image, width, height, factor) {
  const outWidth = Math.ceil(width / factor), outHeight = Math.ceil(height / factor);
  const rgb = new Uint8Array(outWidth * outHeight * 3);
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = Math.min(height, ROWS_AT_ONCE);
  const context = canvas.getContext('2d', {alpha: false, willReadFrequently: true});
  for (let top = 0; top < height; top += ROWS_AT_ONCE) {
    const rows = Math.min(ROWS_AT_ONCE, height - top);
    context.fillStyle = '#fff';
    context.fillRect(0, 0, width, rows);
    context.drawImage(image, 0, top, width, rows, 0, 0, width, rows);
    const {data} = context.getImageData(0, 0, width, rows);
    const start = top / factor * outWidth * 3;
    if (factor === 1) copyRgb(data, rgb, start);
    else averageBlocks(data, width, rows, factor, rgb, start);
  }
  return {width: outWidth, height: outHeight, rgb};
}

function copyRgb(rgba, rgb, start) {
  for (let from = 0, to = start; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from];
    rgb[to + 1] = rgba[from + 1];
    rgb[to + 2] = rgba[from + 2];
  }
}

/** Write the means of the blocks of some rows; blocks at the edges may have fewer pixels. */
function averageBlocks(rgba, width, rows, factor, rgb, start) {
  let to = start;
  for (let top = 0; top < rows; top += factor) {
    const bottom = Math.min(top + factor, rows);
    for (let left = 0; left < width; left += factor) {
      const right = Math.min(left + factor, width), count = (bottom - top) * (right - left);
      let red = 0, green = 0, blue = 0;
      for (let y = top; y < bottom; y++) {
        for (let from = 4 * (y * width + left), end = 4 * (y * width + right); from < end; from += 4) {
          red += rgba[from];
          green += rgba[from + 1];
          blue += rgba[from + 2];
        }
      }
      rgb[to++] = Math.round(red / count);
      rgb[to++] = Math.round(green / count);
      rgb[to++] = Math.round(blue / count);
    }
  }
}

const single = Math.fround; // the arithmetic of catdog has single precision

/** Return the two neighbours of each pixel of a new side, and the weight of the second. */
function neighbours(size, outSize) {
  const scale = single(size / outSize);
  return Array.from({length: outSize}, (_, position) => {
    const centre = single(single((position + 0.5) * scale) - 0.5), first = Math.floor(centre);
    return [Math.max(first, 0), Math.min(Math.ceil(centre), size - 1), centre - first];
  });
}

/** Return a value between two others. */
function mix(first, second, weight) {
  return single(first + single(single(second - first) * weight));
}

/** Stretch RGB pixels to the size of the model; returns whole numbers from 0 to 255. */
function stretch({width, height, rgb}, modelWidth, modelHeight) {
  const columns = neighbours(width, modelWidth);
  const result = new Float32Array(modelHeight * modelWidth * 3);
  let to = 0;
  for (const [upper, lower, down] of neighbours(height, modelHeight)) {
    const above = upper * width, below = lower * width;
    for (const [left, right, across] of columns) {
      for (let channel = 0; channel < 3; channel++) {
        const at = position => rgb[3 * position + channel];
        const top = mix(at(above + left), at(above + right), across);
        const bottom = mix(at(below + left), at(below + right), across);
        result[to++] = Math.floor(mix(top, bottom, down));
      }
    }
  }
  return result;
}

/** Return the pixels that the model gets of an image that the browser has decoded. */
function modelPixels(image, width, height, isPhoto, [modelHeight, modelWidth]) {
  const factor = isPhoto ? jpegReduction(width, height, modelWidth, modelHeight) : 1;
  return stretch(readRgb(image, width, height, factor), modelWidth, modelHeight);
}
