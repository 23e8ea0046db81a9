//! Several conditions in one picture: where, when and how much each of them counts.
//!
//! An [`Entry`] says it of one condition. [`denoise_lists`] asks the network for every entry that counts at
//! the moment, each for its own part of the latent and at that part's size, and mixes the answers by
//! weight. What the conditions are, and how the network is called, is behind [`Parts`].

use std::collections::BTreeSet;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use crate::error::{Error, ErrorKind, Result};

/// A rectangle of a latent, in its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// First row.
    pub y: usize,
    /// First column.
    pub x: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Rect {
    /// All of a latent of `[height, width]`.
    pub fn whole([height, width]: [usize; 2]) -> Self {
        Self { y: 0, x: 0, height, width }
    }

    /// The smallest one with every place of `plane` that is not 0; at least 8 positions a side, as ComfyUI
    /// makes it, and in the upper left corner if all is 0. `plane` has rows of `width`.
    pub fn around(plane: &[f32], width: usize) -> Self {
        let (mut top, mut left, mut bottom, mut right) = (usize::MAX, usize::MAX, 0, 0);
        for (i, _) in plane.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            let (y, x) = (i / width, i % width);
            (top, bottom) = (top.min(y), bottom.max(y));
            (left, right) = (left.min(x), right.max(x));
        }
        if top == usize::MAX {
            return Self { y: 0, x: 0, height: LEAST_SIDE, width: LEAST_SIDE };
        }
        let side = |from: usize, to: usize| (to - from + 1).max(LEAST_SIDE);
        Self { y: top, x: left, height: side(top, bottom), width: side(left, right) }
    }

    /// The part of it that lies in a latent of `[height, width]`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] if no part does.
    pub fn within(self, [height, width]: [usize; 2]) -> Result<Self> {
        if self.y >= height || self.x >= width || self.height == 0 || self.width == 0 {
            return Err(Error::new(ErrorKind::Mismatch {
                what: "area of a condition",
                expected: format!("a part of the latent's {width} × {height} positions"),
                got: format!("{} × {} from {}, {}", self.width, self.height, self.x, self.y),
            })
            .hint("move the area into the picture: a latent position is 8 pixels"));
        }
        let (height, width) = (self.height.min(height - self.y), self.width.min(width - self.x));
        Ok(Self { height, width, ..self })
    }

    /// Whether `other` lies in it.
    fn covers(self, other: Self) -> bool {
        other.y >= self.y
            && other.x >= self.x
            && other.y + other.height <= self.y + self.height
            && other.x + other.width <= self.x + self.width
    }

    /// Its numbers out of `data`, planes of `[height, width]`.
    pub fn cut(self, data: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
        let planes = data.chunks_exact(height * width);
        let rows =
            planes.flat_map(|plane| plane.chunks_exact(width).skip(self.y).take(self.height));
        rows.flat_map(|row| &row[self.x..self.x + self.width]).copied().collect()
    }
}

/// The least side of a rectangle around a mask: 64 pixels.
const LEAST_SIDE: usize = 8;

/// Where, when and how much a condition counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Which of the network's conditions it is.
    pub condition: usize,
    /// Its weight against the others.
    pub strength: f32,
    /// The part of the latent it is for, inside it; all of it if absent.
    pub area: Option<Rect>,
    /// Its weight by place: one or more planes of the latent's size, taken in turn by the batch.
    pub mask: Option<Rc<[f32]>>,
    /// The noise level from which on it counts.
    pub from_sigma: f32,
    /// The noise level down to which it counts.
    pub to_sigma: f32,
    /// The steps at which it counts; all of them if absent.
    pub steps: Option<Rc<BTreeSet<usize>>>,
    /// Which of the network's controls steers it, if any.
    pub control: Option<usize>,
    /// Whether entries of other lists that have no control take this one's: see [`lend_controls`].
    pub lends_control: bool,
}

impl Entry {
    /// A condition that counts everywhere, all the time.
    pub fn new(condition: usize) -> Self {
        Self {
            condition,
            strength: 1.0,
            area: None,
            mask: None,
            from_sigma: f32::INFINITY,
            to_sigma: 0.0,
            steps: None,
            control: None,
            lends_control: false,
        }
    }

    fn counts(&self, sigma: f32, step: usize) -> bool {
        let in_time = sigma <= self.from_sigma && sigma >= self.to_sigma;
        in_time && self.steps.as_ref().is_none_or(|steps| steps.contains(&step))
    }

    /// Its weight at every place of its area, in one or more planes.
    ///
    /// An area without a mask fades out towards the edges that are not the latent's own: over 8 positions, or
    /// over a quarter of its side if that is less, in even steps of which the last is the full weight.
    fn weights(&self, canvas: [usize; 2]) -> Vec<f32> {
        let area = self.area.unwrap_or(Rect::whole(canvas));
        if let Some(mask) = &self.mask {
            return area.cut(mask, canvas).into_iter().map(|m| m * self.strength).collect();
        }
        let [height, width] = canvas;
        let fade = |at: usize, from: usize, side: usize, whole: usize| {
            let ramp = LEAST_SIDE.min(side / 4);
            let one = |inner: bool, distance: usize| {
                if inner && distance < ramp {
                    (1.0 / ramp as f64) as f32 * (distance + 1) as f32
                } else {
                    1.0
                }
            };
            one(from != 0, at) * one(from + side < whole, side - 1 - at)
        };
        let column = |x| fade(x, area.x, area.width, width);
        let columns: Vec<f32> = (0..area.width).map(column).collect();
        let mut weights = Vec::with_capacity(area.height * area.width);
        for y in 0..area.height {
            let row = self.strength * fade(y, area.y, area.height, height);
            weights.extend(columns.iter().map(|column| row * column));
        }
        weights
    }
}

/// Gives every entry with an area a counterpart of the same area in the other lists, so that guidance
/// compares what was computed at the same size.
///
/// The counterpart is the narrowest entry that covers the area, cut to it: it counts where and when the
/// entry counts, under the entry's control, by its own condition. Where there is none, or one of just that area, nothing is added.
pub fn add_counterparts(lists: &mut [Vec<Entry>]) {
    for from in 0..lists.len() {
        for i in 0..lists[from].len() {
            let entry = lists[from][i].clone();
            let Some(area) = entry.area else { continue };
            for to in (0..lists.len()).filter(|to| *to != from) {
                let covering = |other: &&Entry| other.area.is_none_or(|o| o.covers(area));
                let size = |other: &&Entry| {
                    other.area.map_or(u64::MAX, |o| o.height as u64 * o.width as u64)
                };
                let narrowest = lists[to].iter().filter(covering).min_by_key(size);
                if let Some(other) = narrowest
                    && other.area != Some(area)
                {
                    let condition = other.condition;
                    lists[to].push(Entry { condition, ..entry.clone() });
                }
            }
        }
    }
}

/// Gives controls that entries of the first list lend to the entries of each other list, in turn, if none of those
/// has a control; entries with an area take no part.
pub fn lend_controls(lists: &mut [Vec<Entry>]) {
    let Some((first, others)) = lists.split_first_mut() else { return };
    let lent = first.iter().filter(|entry| entry.area.is_none() && entry.lends_control);
    let lent: Vec<usize> = lent.filter_map(|entry| entry.control).collect();
    for list in others {
        let mut takers: Vec<&mut Entry> = list.iter_mut().filter(|e| e.area.is_none()).collect();
        if takers.is_empty() || takers.iter().any(|entry| entry.control.is_some()) {
            continue;
        }
        for (i, control) in lent.iter().enumerate() {
            let place = i % takers.len();
            takers[place].control = Some(*control);
        }
    }
}

/// A part of a latent that the network is asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Under which of its conditions.
    pub condition: usize,
    /// Under which of its controls, if any.
    pub control: Option<usize>,
    /// Where in the latent it is.
    pub area: Rect,
    /// The numbers: batch and channels of the latent, height and width of the area.
    pub x: Vec<f32>,
}

/// A network that answers for parts of a latent.
pub trait Parts {
    /// The clean latent behind each part. All parts are of one size and under one control, so that they fit one
    /// call.
    ///
    /// # Errors
    ///
    /// Whatever stops the run; `Cancelled` among them.
    fn denoise_parts<'a>(
        &'a mut self,
        parts: &'a [Part],
        sigma: f32,
    ) -> LocalBoxFuture<'a, Result<Vec<Vec<f32>>>>;
}

/// For each list the clean latent that its entries see together: at each place the mean of their answers,
/// by weight. Where nothing counts it is 0.
///
/// Entries of the same size and control go to the network together, whichever list they are of.
///
/// # Shapes
///
/// - `x`, each output: `shape`, that is `[batch, channels, height, width]`, flattened
///
/// # Errors
///
/// What the network returns, and [`ErrorKind::Mismatch`] for an answer of another length.
///
/// # Source
///
/// Bar-Tal et al. 2023, "MultiDiffusion", <https://arxiv.org/abs/2302.08113>, equation 5, with ComfyUI's weights.
/// Checked in `tests/sampling.rs`.
pub async fn denoise_lists(
    network: &mut dyn Parts,
    lists: &[Vec<Entry>],
    x: &[f32],
    shape: [usize; 4],
    sigma: f32,
    step: usize,
) -> Result<Vec<Vec<f32>>> {
    let [_, channels, height, width] = shape;
    let canvas = [height, width];
    let mut waiting: Vec<(usize, &Entry, Rect)> = Vec::new();
    for (list, entries) in lists.iter().enumerate() {
        let counting = entries.iter().filter(|entry| entry.counts(sigma, step));
        waiting.extend(counting.map(|e| (list, e, e.area.unwrap_or(Rect::whole(canvas)))));
    }
    let mut mixes = vec![Mix::new(x.len()); lists.len()];
    let kind = |(_, entry, area): &(usize, &Entry, Rect)| (area.height, area.width, entry.control);
    while let Some(first) = waiting.first().map(kind) {
        let (group, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|other| kind(other) == first);
        waiting = rest;
        let part = |&(_, entry, area): &(usize, &Entry, Rect)| Part {
            condition: entry.condition,
            control: entry.control,
            area,
            x: area.cut(x, canvas),
        };
        let parts: Vec<Part> = group.iter().map(part).collect();
        let answers = network.denoise_parts(&parts, sigma).await?;
        super::guidance::same_length("answers of the network", parts.len(), answers.len())?;
        for ((part, answer), (list, entry, area)) in parts.iter().zip(answers).zip(group) {
            super::guidance::same_length("network output", part.x.len(), answer.len())?;
            mixes[list].add(area, &entry.weights(canvas), &answer, channels, canvas);
        }
    }
    Ok(mixes.into_iter().map(Mix::mean).collect())
}

/// A weighted mean in the making.
#[derive(Clone)]
struct Mix {
    sum: Vec<f32>,
    weight: Vec<f32>,
}

impl Mix {
    fn new(len: usize) -> Self {
        // Where nothing is added the mean is 0 / 10⁻³⁷, not 0 / 0; otherwise it is too small to matter.
        Self { sum: vec![0.0; len], weight: vec![1e-37; len] }
    }

    /// Adds an answer for `area`; `weights` are one or more planes of its size, taken in turn by the batch.
    fn add(
        &mut self,
        area: Rect,
        weights: &[f32],
        answer: &[f32],
        channels: usize,
        [height, width]: [usize; 2],
    ) {
        let size = area.height * area.width;
        let weight_planes = weights.len() / size;
        for (plane, answer) in answer.chunks_exact(size).enumerate() {
            let weights = &weights[plane / channels % weight_planes * size..][..size];
            for row in 0..area.height {
                let to = (plane * height + area.y + row) * width + area.x;
                for i in 0..area.width {
                    let weight = weights[row * area.width + i];
                    self.sum[to + i] += answer[row * area.width + i] * weight;
                    self.weight[to + i] += weight;
                }
            }
        }
    }

    fn mean(self) -> Vec<f32> {
        self.sum.into_iter().zip(self.weight).map(|(sum, weight)| sum / weight).collect()
    }
}

#[cfg(test)]
mod tests;
