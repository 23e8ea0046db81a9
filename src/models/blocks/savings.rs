//! Ways to make self-attention cheaper: look at tiles of a map by themselves, or let few tokens ask for many.

use burn::tensor::{Int, Tensor, TensorData};

use crate::ops::{like, widened};

/// What is saved in the self-attention of a step; nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Savings {
    /// Whether tokens see those of their tile only.
    pub tiles: Option<Tiles>,
    /// Whether tokens are merged before they ask.
    pub merging: Option<Merging>,
}

/// Token merging: of tokens that are much alike, one asks for all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merging {
    /// Share of the tokens of a map that are merged with others.
    pub share: f64,
    /// How often a map whose tokens are merged may have been halved.
    pub depth: usize,
}

/// HyperTile: attention inside of tiles, whose size varies so that their edges are nowhere always.
///
/// # Source
///
/// Fernandez 2023, HyperTile, <https://github.com/tfernd/HyperTile> (MIT).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiles {
    /// Smallest side, in positions of the latent.
    pub side: usize,
    /// From how many sizes one is drawn.
    pub sizes: usize,
    /// How often a map that is cut may have been halved.
    pub depth: usize,
    /// Whether the smallest side grows where maps were halved.
    pub grow: bool,
}

/// What self-attention is told of a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saving {
    pub(crate) savings: Savings,
    /// Height and width of the largest map.
    pub(crate) size: [usize; 2],
    /// What everything drawn depends on: the same step draws the same.
    pub(crate) seed: u64,
}

/// Self-attention, of the tokens that ask and of those that are asked.
type Attend<'a> = &'a dyn Fn(Tensor<3>, Tensor<3>) -> Tensor<3>;

impl Saving {
    /// Self-attention of the map `x`, `[batch, height · width, channels]`, as `attend` computes it, with less work. `path`
    /// is where it is in the network.
    pub(crate) fn attend(
        &self,
        path: &str,
        x: Tensor<3>,
        [height, width]: [usize; 2],
        attend: Attend<'_>,
    ) -> Tensor<3> {
        let halved = |side: usize, level: usize| side.div_ceil(1 << level);
        let is_level =
            |i: &usize| halved(self.size[0], *i) == height && halved(self.size[1], *i) == width;
        let Some(level) = (0..16).find(is_level) else { return attend(x.clone(), x) };
        let seed = path.bytes().fold(self.seed, |seed, byte| mixed(seed ^ u64::from(byte)));
        let counts = match self.savings.tiles {
            Some(tiles) if level <= tiles.depth => tiles.counts([height, width], level, seed),
            _ => [1, 1],
        };
        let told = self.savings.merging.filter(|told| level <= told.depth);
        let share = told.map_or(0.0, |told| told.share);
        in_tiles(x, [height, width], counts, &|x, size| merging(x, size, share, seed, attend))
    }
}

/// The step of splitmix64: every bit of the result depends on every bit before.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Tiles {
    /// How many tiles are below each other and side by side.
    fn counts(&self, sides: [usize; 2], level: usize, seed: u64) -> [usize; 2] {
        let least = self.side << if self.grow { level } else { 0 };
        let count = |side: usize, seed: u64| {
            let fits = |tile: &usize| side.is_multiple_of(*tile);
            let sizes: Vec<usize> =
                (least.clamp(1, side)..=side).filter(fits).take(self.sizes.max(1)).collect();
            side / sizes[seed as usize % sizes.len()]
        };
        [count(sides[0], mixed(seed)), count(sides[1], mixed(seed ^ 1))]
    }
}

/// What `change` makes of each tile of a map by itself, of which it is told the sides.
fn in_tiles(
    x: Tensor<3>,
    [height, width]: [usize; 2],
    [rows, columns]: [usize; 2],
    change: &dyn Fn(Tensor<3>, [usize; 2]) -> Tensor<3>,
) -> Tensor<3> {
    if rows * columns == 1 {
        return change(x, [height, width]);
    }
    let [batch, tokens, channels] = x.dims();
    let (high, wide) = (height / rows, width / columns);
    let tiles = x.reshape([batch * rows, high, columns, wide * channels]).swap_dims(1, 2);
    let tiles = tiles.reshape([batch * rows * columns, high * wide, channels]);
    let out = change(tiles, [high, wide]);
    let out = out.reshape([batch * rows, columns, high, wide * channels]).swap_dims(1, 2);
    out.reshape([batch, tokens, channels])
}

/// Attention for which this share of the tokens is merged with those of the others that they are most like; all get the
/// answer of those they were merged with. What is asked stays whole.
///
/// # Source
///
/// Bolya and Hoffman 2023, "Token merging for fast Stable Diffusion", <https://arxiv.org/abs/2303.17604>, section 4:
/// others are merged into one token, drawn, of every two by two. Checked against tomesd 0.1.3.
fn merging(x: Tensor<3>, size: [usize; 2], share: f64, seed: u64, attend: Attend<'_>) -> Tensor<3> {
    match Merge::new(&x, size, share, seed) {
        Some(merge) => merge.back(attend(merge.merged(x.clone()), x)),
        None => attend(x.clone(), x),
    }
}

/// Which token goes where.
struct Merge {
    /// For every token of the batch, one after the other, its place among the merged ones.
    places: Tensor<1, Int>,
    batch: usize,
    tokens: usize,
    /// How many there are after merging.
    kept: usize,
}

/// Most numbers in a comparison of tokens with each other, of which there are as many as in attention itself.
const COMPARED: usize = 1 << 24;

impl Merge {
    fn new(x: &Tensor<3>, size: [usize; 2], share: f64, seed: u64) -> Option<Self> {
        let x = widened(x.clone());
        let [batch, tokens, _] = x.dims();
        let (device, order) = (x.device(), order(size, seed));
        let targets = (size[0] / 2) * (size[1] / 2);
        let sources = tokens - targets;
        let count = ((tokens as f64 * share) as usize).min(sources);
        if count == 0 || targets == 0 {
            return None;
        }
        let ints = |values: Vec<i32>| {
            let length = values.len();
            Tensor::<1, Int>::from_data(TensorData::new(values, [length]), &device)
        };
        let floats = |values: Vec<f32>, shape| {
            Tensor::<3>::from_data(TensorData::new(values, shape), &device)
        };
        // Tokens of which each may be merged into one of the others, then those others; their lengths are to make no
        // difference.
        let sorted = x.select(1, ints(order.clone()));
        let length = (sorted.clone() * sorted.clone()).sum_dim(2).sqrt();
        let sorted = sorted / length.clamp_min(1e-12);
        let from = sorted.clone().narrow(1, 0, sources);
        let to = sorted.narrow(1, sources, targets).swap_dims(1, 2);
        let turns = |each: usize, of: &dyn Fn(usize, usize) -> Tensor<3>| {
            let rows = (COMPARED / (batch * each)).clamp(1, sources);
            let turn = |first| of(first, rows.min(sources - first));
            Tensor::cat((0..sources).step_by(rows).map(turn).collect(), 1)
        };
        let likeness = |first, rows| from.clone().narrow(1, first, rows).matmul(to.clone());
        let best = turns(targets, &|first, rows| likeness(first, rows).max_dim(2));
        let target = turns(targets, &|first, rows| likeness(first, rows).argmax(2).float());
        // A token's rank is the number of those that are more alike to theirs, or as much and before it.
        let numbers = |count: usize| (0..count).map(|i| i as f32).collect::<Vec<_>>();
        let number = floats(numbers(sources), [1, sources, 1]);
        let others = [&best, &number].map(|column| column.clone().swap_dims(1, 2));
        let below = |a: Tensor<3>, b: &Tensor<3>| (a - b.clone()).lower_elem(0.0).float();
        let rank = turns(sources, &|first, rows| {
            let own = [&best, &number].map(|column| column.clone().narrow(1, first, rows));
            let more = below(own[0].clone(), &others[0]);
            let less = below(others[0].clone(), &own[0]);
            let before = below(others[1].clone(), &own[1]);
            let same = -(more.clone() + less) + 1.0;
            (more + same * before).sum_dim(2)
        });
        // Those that stay come first, in the order of their ranks, then those that others are merged into.
        let (left, moved) = (sources - count, rank.clone().lower_elem(count as f32).float());
        let stays = rank - count as f32;
        let places = stays.clone() + moved * (target + left as f32 - stays);
        let kept = left + targets;
        let own = (left..kept).map(|place| place as f32).collect::<Vec<_>>();
        let own = floats(own.repeat(batch), [batch, targets, 1]);
        let mut inverse = vec![0; tokens];
        (0..).zip(order).for_each(|(i, token)| inverse[token as usize] = i);
        let places = Tensor::cat(vec![places, own], 1).select(1, ints(inverse));
        let first = (0..batch).map(|i| (i * kept) as f32).collect();
        let places = places + floats(first, [batch, 1, 1]);
        let places = places.reshape([batch * tokens]).int();
        Some(Self { places, batch, tokens, kept })
    }

    /// The means of those tokens that go to one place.
    fn merged(&self, x: Tensor<3>) -> Tensor<3> {
        let channels = x.dims()[2];
        let sum = |x: Tensor<2>| {
            let zeros = Tensor::zeros([self.batch * self.kept, x.dims()[1]], &x.device());
            zeros.select_assign(0, self.places.clone(), x, burn::tensor::IndexingUpdateOp::Add)
        };
        let rows = self.batch * self.tokens;
        let ones = Tensor::ones([rows, 1], &x.device());
        let mean = sum(widened(x.clone()).reshape([rows, channels])) / sum(ones);
        like(mean, &x).reshape([self.batch, self.kept, channels])
    }

    /// Each token's answer.
    fn back(&self, x: Tensor<3>) -> Tensor<3> {
        let channels = x.dims()[2];
        let rows = x.reshape([self.batch * self.kept, channels]);
        rows.select(0, self.places.clone()).reshape([self.batch, self.tokens, channels])
    }
}

/// The tokens of a map: first those that may be merged, then the one of every two by two that they are merged into.
fn order([height, width]: [usize; 2], seed: u64) -> Vec<i32> {
    let (rows, columns) = (height / 2, width / 2);
    let mut targets: Vec<i32> = Vec::new();
    for square in 0..rows * columns {
        let drawn = mixed(seed ^ (square as u64) << 8) as usize;
        let (row, column) =
            (square / columns * 2 + drawn / 2 % 2, square % columns * 2 + drawn % 2);
        targets.push((row * width + column) as i32);
    }
    targets.sort_unstable();
    let is_target = |token: &i32| targets.binary_search(token).is_ok();
    let mut order: Vec<i32> =
        (0..(height * width) as i32).filter(|token| !is_target(token)).collect();
    order.extend(targets);
    order
}

#[cfg(test)]
mod tests;
