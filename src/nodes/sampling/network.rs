//! A model with its prompts, as samplers see it.

use std::cell::RefCell;

use burn::tensor::{Tensor, TensorData};
use futures_util::future::LocalBoxFuture;

use super::control::{Call, Controls};
use super::hole::{Canvas, further_channels};
use crate::device;
use crate::diffusion::areas::{Entry, Part, Parts, Rect};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::event::Phase;
use crate::graph::{Context, Event};
use crate::image::resample::mask_to_size;
use crate::models::unet::{AddedCondition, Changes, Inner, UnetCondition};
use crate::nodes::values::{Area, AreaMask, Condition, Model, Reuse, SizeNumbers};
use crate::nodes::{Environment, limits};
use crate::ops;

/// Prompts whose lengths differ are repeated to a common one, unless one would be repeated more than this.
const MOST_REPEATS: usize = 4;

/// The network and everything it is told: answers for parts of a latent.
pub(super) struct Network<'a> {
    model: &'a Model,
    cx: &'a Context<'a>,
    canvas: Canvas<'a>,
    conditions: Vec<Told>,
    controls: Controls<'a>,
    /// The guidance that a guidance-distilled network is told.
    told_cfg: Option<f32>,
    /// What was prepared for the last call, and for which conditions: mostly it is the same again.
    last: Option<(Vec<usize>, UnetCondition)>,
    /// The network's inner maps, by what was asked of it.
    kept: Vec<Kept>,
}

/// Inner maps of calls for the same conditions and place.
struct Kept {
    conditions: Vec<usize>,
    area: Rect,
    map: RefCell<Option<Tensor<4>>>,
    /// Calls since it was made, with the one that made it.
    uses: usize,
}

/// What the network is told of one condition.
struct Told {
    context: Tensor<3>,
    pooled: Tensor<2>,
    /// SDXL's size numbers.
    time_ids: Vec<f32>,
    /// An inpainting or editing network's further channels, for the whole latent.
    further: Vec<f32>,
}

impl<'a> Network<'a> {
    /// A network that was not told anything yet.
    ///
    /// `cfg` is what a guidance-distilled network (LCM) is told; it needs no second half for it.
    pub(super) fn new(
        model: &'a Model,
        canvas: Canvas<'a>,
        cfg: f32,
        cx: &'a Context<'a>,
    ) -> Result<Self> {
        let shape = canvas.shape;
        let config = model.unet.config();
        if shape[1] != config.out_channels {
            return Err(Error::new(ErrorKind::Mismatch {
                what: "channels of the latent",
                expected: config.out_channels.to_string(),
                got: shape[1].to_string(),
            })
            .hint("use the latent, and the autoencoder, that belong to the model"));
        }
        let told_cfg = config.time_cond_proj_dim.map(|_| cfg);
        let controls = Controls::new(model, shape, cx);
        Ok(Self {
            model,
            cx,
            canvas,
            conditions: Vec::new(),
            controls,
            told_cfg,
            last: None,
            kept: Vec::new(),
        })
    }

    /// Tells the network of a condition, and says where, when and how much it counts.
    pub(super) fn tell(&mut self, condition: &Condition, negative: bool) -> Result<Entry> {
        let config = self.model.unet.config();
        let width = condition.context.dims()[2];
        if width != config.cross_attention_dim {
            return Err(Error::new(ErrorKind::Mismatch {
                what: "width of the prompt's embeddings",
                expected: config.cross_attention_dim.to_string(),
                got: width.to_string(),
            })
            .hint("encode the prompt with the text encoder that belongs to the model"));
        }
        self.conditions.push(Told {
            context: condition.context.clone(),
            pooled: condition.pooled.clone(),
            time_ids: self.time_ids(condition, negative)?,
            further: further_channels(&self.canvas, condition, self.model)?,
        });
        let control = condition.control.as_ref();
        let control = control.map(|control| self.controls.add(control)).transpose()?;
        let lends_control = condition.lends_control;
        Ok(Entry { control, lends_control, ..self.entry(condition)? })
    }

    fn entry(&self, condition: &Condition) -> Result<Entry> {
        let canvas = [self.canvas.shape[2], self.canvas.shape[3]];
        let mut area = condition.area.map(|area| rectangle(area, canvas));
        let mask = condition.mask.as_ref().map(|AreaMask { mask, strength, bounds_only }| {
            // As many planes as there are masks: the batch takes them in turn.
            let planes = mask_to_size(mask, [mask.batch, 1, canvas[0], canvas[1]]);
            if *bounds_only {
                let mut largest = vec![0f32; canvas[0] * canvas[1]];
                for (i, value) in planes.iter().enumerate() {
                    let place = i % largest.len();
                    largest[place] = largest[place].max(value.abs());
                }
                area = Some(Rect::around(&largest, canvas[1]));
            }
            planes.into_iter().map(|m| m * strength).collect()
        });
        let schedule = &self.model.schedule;
        Ok(Entry {
            strength: condition.strength,
            area: area.map(|area| area.within(canvas)).transpose()?,
            mask,
            from_sigma: schedule.percent_to_sigma(condition.start_percent),
            to_sigma: schedule.percent_to_sigma(condition.end_percent),
            steps: condition.steps.clone(),
            ..Entry::new(self.conditions.len() - 1)
        })
    }

    /// SDXL was told each training picture's size and crop; the natural choice is "all of this size".
    ///
    /// The refiner was told a score instead of the target size: 6 is a good picture, 2.5 a bad one.
    fn time_ids(&self, condition: &Condition, negative: bool) -> Result<Vec<f32>> {
        let Some(added) = self.model.unet.config().added else { return Ok(Vec::new()) };
        let [_, _, height, width] = self.canvas.shape;
        let latent = [(height * 8) as f32, (width * 8) as f32];
        let (original, crop, target, score) = match &condition.size {
            None => (latent, [0.0; 2], latent, None),
            Some(SizeNumbers::Base { original, crop, target }) => (*original, *crop, *target, None),
            Some(SizeNumbers::Refiner { original, crop, score }) => {
                (*original, *crop, latent, Some(*score))
            }
        };
        let pooled = condition.pooled.dims()[1];
        let numbers = added.input_width.saturating_sub(pooled) / added.time_width.max(1);
        let last = match numbers {
            5 => vec![score.unwrap_or(if negative { 2.5 } else { 6.0 })],
            6 => target.to_vec(),
            _ => Vec::new(),
        };
        if last.is_empty() || pooled + numbers * added.time_width != added.input_width {
            return Err(Error::new(ErrorKind::Mismatch {
                what: "width of the prompt's pooled embedding",
                expected: added.pooled_width().to_string(),
                got: pooled.to_string(),
            })
            .hint("encode the prompt with the text encoders that belong to the model"));
        }
        Ok([&original[..], &crop, &last].concat())
    }

    /// How many of these parts go into the next call: what fits the device, and can have one length.
    fn fitting(&self, parts: &[Part]) -> Result<usize> {
        let env = self.cx.env::<Environment>();
        let config = self.model.unet.config();
        let size = [parts[0].area.height, parts[0].area.width];
        let check =
            |n: usize| limits::check_unet(&env.device_info, config, n * self.canvas.shape[0], size);
        check(1)?;
        let (mut least, mut common, mut count) = (usize::MAX, 1, 0);
        for part in parts {
            let length = self.conditions[part.condition].context.dims()[1];
            least = least.min(length);
            common = least_common_multiple(common, length);
            if count > 0 && (common / least > MOST_REPEATS || check(count + 1).is_err()) {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    /// What the network is told in a call for these conditions, every one repeated for the batch.
    fn prepare(&self, conditions: &[usize]) -> UnetCondition {
        let [batch, ..] = self.canvas.shape;
        let told = || conditions.iter().map(|i| &self.conditions[*i]);
        let length = told().map(|one| one.context.dims()[1]).fold(1, least_common_multiple);
        let context = |one: &Told| {
            let repeats = length / one.context.dims()[1];
            one.context.clone().repeat(&[batch, repeats, 1])
        };
        let rows = conditions.len() * batch;
        let config = self.model.unet.config();
        let added = config.added.map(|_| AddedCondition {
            text_embeds: Tensor::cat(
                told().map(|o| o.pooled.clone().repeat(&[batch, 1])).collect(),
                0,
            ),
            time_ids: told().flat_map(|one| one.time_ids.repeat(batch)).collect(),
        });
        let timestep_cond = config.time_cond_proj_dim.zip(self.told_cfg).map(|(width, cfg)| {
            // Luo et al. 2023, <https://arxiv.org/abs/2310.04378>: w = cfg − 1, embedded as a timestep of 1000·w.
            let values = vec![(cfg - 1.0) * 1000.0; rows];
            let numbers = ops::timestep_embedding(&values, width, false, 1.0);
            Tensor::from_data(TensorData::new(numbers, [rows, width]), self.model.unet.device())
        });
        UnetCondition {
            context: Tensor::cat(told().map(context).collect(), 0).into(),
            added,
            timestep_cond,
        }
    }

    /// One call of the network: once more in f32, and in f32 from then on, where its numbers are too large for halves.
    async fn call(&mut self, parts: &[Part], sigma: f32) -> Result<Vec<Vec<f32>>> {
        let mut output = self.output(parts, sigma).await?;
        let overflowed = |output: &[f32]| output.iter().any(|number| !number.is_finite());
        if device::keeps_halves() && overflowed(&output) {
            device::keep_halves(false);
            // What is known already are halves.
            self.last = None;
            self.kept.clear();
            output = self.output(parts, sigma).await?;
            if overflowed(&output) {
                // It was not that: other models may have halves.
                device::keep_halves(true);
            } else {
                let file = self.model.unet.file();
                self.cx.notice(format!(
                    "`{file}` has numbers that are too large for halves: full precision from now on"
                ));
            }
        }
        let schedule = &self.model.schedule;
        let answers = parts.iter().zip(output.chunks_exact(parts[0].x.len()));
        let clean =
            |(part, output): (&Part, &[f32])| schedule.denoised(&part.x, output.to_vec(), sigma);
        answers.map(clean).collect()
    }

    /// What the network says in one call.
    async fn output(&mut self, parts: &[Part], sigma: f32) -> Result<Vec<f32>> {
        // Every call, not only every step: second-order samplers call the network twice.
        self.cx.checkpoint().await?;
        let conditions: Vec<usize> = parts.iter().map(|part| part.condition).collect();
        if self.last.as_ref().is_none_or(|(known, _)| *known != conditions) {
            self.last = Some((conditions.clone(), self.prepare(&conditions)));
        }
        let Some((_, told)) = &self.last else { return Ok(Vec::new()) };
        let [batch, _, height, width] = self.canvas.shape;
        let (unet, schedule) = (&self.model.unet, &self.model.schedule);
        let Rect { height: rows, width: columns, .. } = parts[0].area;
        let channels = unet.config().in_channels;
        let mut input = Vec::with_capacity(parts.len() * batch * channels * rows * columns);
        for part in parts {
            let x = schedule.network_input(&part.x, sigma);
            let further = &self.conditions[part.condition].further;
            let further = part.area.cut(further, [height, width]);
            let (one, more) = (x.len() / batch, further.len() / batch);
            for i in 0..batch {
                input.extend_from_slice(&x[i * one..][..one]);
                input.extend_from_slice(&further[i * more..][..more]);
            }
        }
        let rows_of_batch = parts.len() * batch;
        let input = TensorData::new(input, [rows_of_batch, channels, rows, columns]);
        let input = Tensor::<4>::from_data(input, unet.device());
        let timesteps = vec![schedule.timestep(sigma); rows_of_batch];
        let residuals = match parts[0].control {
            None => None,
            Some(chain) => {
                let call = Call {
                    sigma,
                    size: [rows, columns],
                    parts: parts.len(),
                    sample: input.clone().narrow(1, 0, unet.config().out_channels),
                    timesteps: &timesteps,
                    told,
                };
                self.controls.residuals(chain, &call).await?
            }
        };
        let options = &self.model.options;
        let inner = options
            .reuse
            .and_then(|reuse| inner_maps(&mut self.kept, reuse, &conditions, parts[0].area, sigma));
        let changes = Changes {
            free_u: options.free_u.as_ref(),
            residuals: residuals.as_ref(),
            savings: options.savings,
            inner,
        };
        // A visitor is told why nothing seems to happen.
        if unet.is_new() && !device::is_cpu(unet.device()) {
            let (file, phase) = (unet.file().to_owned(), Phase::Warmup);
            self.cx.emit(Event::ModelProgress { file, loaded: 0, total: 0, phase });
        }
        device::read(unet.forward_with(input, &timesteps, told, changes)).await
    }
}

impl Parts for Network<'_> {
    fn denoise_parts<'a>(
        &'a mut self,
        parts: &'a [Part],
        sigma: f32,
    ) -> LocalBoxFuture<'a, Result<Vec<Vec<f32>>>> {
        Box::pin(async move {
            let mut answers = Vec::with_capacity(parts.len());
            while answers.len() < parts.len() {
                let rest = &parts[answers.len()..];
                let now = &rest[..self.fitting(rest)?];
                answers.extend(self.call(now, sigma).await?);
            }
            Ok(answers)
        })
    }
}

/// Where a call finds, or leaves, the network's inner maps; nothing outside of the levels where they are used again.
fn inner_maps<'a>(
    kept: &'a mut Vec<Kept>,
    Reuse { interval, layers, between: [high, low] }: Reuse,
    conditions: &[usize],
    area: Rect,
    sigma: f32,
) -> Option<Inner<'a>> {
    if sigma > high || sigma <= low {
        kept.clear();
        return None;
    }
    let found = kept.iter().position(|one| one.conditions == conditions && one.area == area);
    let at = found.unwrap_or_else(|| {
        let map = RefCell::default();
        kept.push(Kept { conditions: conditions.to_vec(), area, map, uses: 0 });
        kept.len() - 1
    });
    let one = &mut kept[at];
    if one.uses == interval {
        one.uses = 0;
        one.map.replace(None);
    }
    one.uses += 1;
    Some(Inner { layers, map: &one.map })
}

/// An area in positions of a latent of `[height, width]`.
fn rectangle(area: Area, [rows, columns]: [usize; 2]) -> Rect {
    match area {
        Area::Latent { height, width, y, x } => Rect { y, x, height, width },
        Area::Part { height, width, y, x } => {
            let part = |part: f64, whole: usize| (part * whole as f64).round_ties_even() as usize;
            Rect {
                y: part(y, rows),
                x: part(x, columns),
                height: part(height, rows).max(1),
                width: part(width, columns).max(1),
            }
        }
    }
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_picture_are_rounded_to_positions() {
        let area = Area::Part { height: 0.5, width: 0.001, y: 0.25, x: 0.9 };
        // 2.5 and 12.5 go to the even number, as Python rounds.
        assert_eq!(rectangle(area, [10, 25]), Rect { y: 2, x: 22, height: 5, width: 1 });
    }

    #[test]
    fn lengths_have_a_common_multiple() {
        assert_eq!(least_common_multiple(77, 154), 154);
        assert_eq!(least_common_multiple(154, 231), 462);
        assert_eq!(least_common_multiple(usize::MAX, 2), usize::MAX);
    }
}
