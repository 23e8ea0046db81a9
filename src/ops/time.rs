//! The sinusoidal embedding of a timestep.

/// Sines and cosines of `t / 10000^(i / (half − shift))`, one row a timestep, on the host.
///
/// # Shapes
///
/// - output: `[timesteps.len(), width]`, row major
///
/// # Units
///
/// - `timesteps`: 0 to 999, may be fractional
///
/// # Source
///
/// Ho et al. 2020, <https://arxiv.org/abs/2006.11239>; diffusers 0.42 `get_timestep_embedding`
/// (`flip_sin_to_cos` puts the cosines first, `freq_shift` is its `downscale_freq_shift`).
pub fn timestep_embedding(
    timesteps: &[f32],
    width: usize,
    flip_sin_to_cos: bool,
    freq_shift: f32,
) -> Vec<f32> {
    let half = width / 2;
    let mut out = Vec::with_capacity(timesteps.len() * width);
    for &timestep in timesteps {
        let angles = (0..half).map(|i| {
            // f32 throughout, as torch: at t = 999 the rounding of the frequency shows in the angle.
            let exponent = -(10000f32.ln()) * i as f32 / (half as f32 - freq_shift);
            timestep * exponent.exp()
        });
        let (sin, cos): (Vec<f32>, Vec<f32>) = angles.map(f32::sin_cos).unzip();
        let (first, second) = if flip_sin_to_cos { (cos, sin) } else { (sin, cos) };
        out.extend(first);
        out.extend(second);
        out.extend(std::iter::repeat_n(0.0, width % 2));
    }
    out
}
