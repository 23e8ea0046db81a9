/**
 * Floating-point operations of one UNet evaluation, two for each multiply-add of convolutions, matrix products and
 * attention; the rest (norms, activations, sums) is below 1 % and, as usual, not counted.
 *
 * @typedef {{ in_channels: number, out_channels: number, block_out_channels: number[], layers_per_block: number,
 *   cross_attention_dim: number, down_block_types: string[], up_block_types: string[],
 *   transformer_layers_per_block?: number, use_linear_projection?: boolean }} UnetConfig
 */

/**
 * Follows diffusers 0.42 `unet_2d_condition.py`. For `sprite` (batch 2, 16 × 16, 77 tokens) it gives 3 085 860 864,
 * which is what torch 2.15's `FlopCounterMode` counts.
 *
 * @param {UnetConfig} config of a checkpoint
 * @param {{ batch: number, height: number, width: number, tokens: number }} input
 */
export function unetFlops(config, { batch, height, width, tokens }) {
  const widths = config.block_out_channels;
  const first = /** @type {number} */ (widths[0]);
  const timeWidth = 4 * first;
  let macs = 0;
  let pixels = height * width;

  const linear = (/** @type {number} */ rows, /** @type {number} */ from, /** @type {number} */ to) => {
    macs += batch * rows * from * to;
  };
  const conv = (/** @type {number} */ kernel, /** @type {number} */ from, /** @type {number} */ to) =>
    linear(pixels, from * kernel * kernel, to);
  const resnet = (/** @type {number} */ from, /** @type {number} */ to) => {
    conv(3, from, to);
    linear(1, timeWidth, to);
    conv(3, to, to);
    if (from !== to) conv(1, from, to);
  };
  const attention = (/** @type {number} */ channels, /** @type {number} */ keys, /** @type {number} */ keyWidth) => {
    linear(pixels, channels, channels); // queries
    linear(keys, keyWidth, 2 * channels); // keys and values
    linear(pixels, channels, 2 * keys); // scores, and their sum of values; all heads together
    linear(pixels, channels, channels); // output
  };
  const transformer = (/** @type {number} */ channels) => {
    linear(pixels, channels, 2 * channels); // projections in and out
    for (let layer = 0; layer < (config.transformer_layers_per_block ?? 1); layer++) {
      attention(channels, pixels, channels);
      attention(channels, tokens, config.cross_attention_dim);
      linear(pixels, channels, 8 * channels); // GEGLU: four times as wide, and its gate
      linear(pixels, 4 * channels, channels);
    }
  };

  linear(1, first, timeWidth);
  linear(1, timeWidth, timeWidth);
  conv(3, config.in_channels, first);
  const skips = [first];
  let channels = first;
  for (const [level, type] of config.down_block_types.entries()) {
    const to = /** @type {number} */ (widths[level]);
    for (let layer = 0; layer < config.layers_per_block; layer++) {
      resnet(channels, to);
      if (type === "CrossAttnDownBlock2D") transformer(to);
      channels = to;
      skips.push(to);
    }
    if (level < widths.length - 1) {
      pixels /= 4;
      conv(3, to, to);
      skips.push(to);
    }
  }
  resnet(channels, channels);
  transformer(channels);
  resnet(channels, channels);
  for (const [i, type] of config.up_block_types.entries()) {
    const to = /** @type {number} */ (widths[widths.length - 1 - i]);
    for (let layer = 0; layer <= config.layers_per_block; layer++) {
      resnet(channels + /** @type {number} */ (skips.pop()), to);
      if (type === "CrossAttnUpBlock2D") transformer(to);
      channels = to;
    }
    if (i < widths.length - 1) {
      pixels *= 4;
      conv(3, to, to);
    }
  }
  conv(3, first, config.out_channels);
  return 2 * macs;
}
