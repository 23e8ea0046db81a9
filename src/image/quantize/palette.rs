//! Which few colours stand for many.

/// Distinct colours that are told apart; with more of them the last bits are left out.
const DISTINCT: usize = 65536;

/// Pixels that are alike.
#[derive(Clone, Copy)]
struct Alike {
    /// Their colour, without the bits left out.
    colour: [u8; 3],
    count: u64,
    /// Of their full colours.
    sum: [u64; 3],
}

/// A region of colours: a range of the list of [`Alike`], and how many pixels it holds.
#[derive(Clone, Copy)]
struct Region {
    start: usize,
    end: usize,
    pixels: u64,
}

/// At most `colours` colours for these pixels: the region that holds most is cut in half where it is longest, again
/// and again, and each region gives its mean.
///
/// # Source
///
/// Heckbert 1982, "Color image quantization for frame buffer display"; the order of cuts and colours, which
/// decides between equals, is Pillow's.
pub(super) fn median_cut(pixels: &[[u8; 3]], colours: usize) -> Vec<[u8; 3]> {
    let mut list = distinct(pixels);
    let whole = Region { start: 0, end: list.len(), pixels: pixels.len() as u64 };
    let mut heap = Heap(vec![whole]);
    let mut done = Vec::new();
    while heap.0.len() + done.len() < colours {
        let Some(largest) = heap.pop() else { break };
        match cut(&mut list[largest.start..largest.end], largest.pixels) {
            None => done.push(largest),
            Some((middle, pixels)) => {
                let middle = largest.start + middle;
                heap.push(Region { end: middle, pixels, ..largest });
                heap.push(Region { start: middle, pixels: largest.pixels - pixels, ..largest });
            }
        }
    }
    done.extend(heap.0);
    done.sort_unstable_by_key(|found| found.start);
    done.iter().map(|found| mean(&list[found.start..found.end])).collect()
}

/// The distinct colours.
fn distinct(pixels: &[[u8; 3]]) -> Vec<Alike> {
    let mut packed: Vec<u32> =
        pixels.iter().map(|[r, g, b]| u32::from_be_bytes([0, *r, *g, *b])).collect();
    packed.sort_unstable();
    let mut list: Vec<Alike> = Vec::new();
    for equal in packed.chunk_by(|a, b| a == b) {
        let [_, colour @ ..] = equal[0].to_be_bytes();
        let count = equal.len() as u64;
        list.push(Alike { colour, count, sum: colour.map(|v| u64::from(v) * count) });
    }
    while list.len() > DISTINCT {
        for alike in &mut list {
            alike.colour = alike.colour.map(|v| v >> 1);
        }
        list.sort_unstable_by_key(|alike| alike.colour);
        list.dedup_by(|next, kept| {
            let same = next.colour == kept.colour;
            if same {
                kept.count += next.count;
                kept.sum.iter_mut().zip(next.sum).for_each(|(sum, more)| *sum += more);
            }
            same
        });
    }
    list
}

/// Sorts a region into a brighter and a darker half along its longest side: where the second begins, and how many
/// pixels the first holds. Nothing for a region of one colour.
fn cut(list: &mut [Alike], pixels: u64) -> Option<(usize, u64)> {
    let (mut low, mut high) = ([u8::MAX; 3], [0; 3]);
    for alike in &*list {
        for (axis, v) in alike.colour.into_iter().enumerate() {
            (low[axis], high[axis]) = (low[axis].min(v), high[axis].max(v));
        }
    }
    // The eye sees differences of green best: weights of brightness.
    let lengths = [77, 150, 29].into_iter().enumerate();
    let lengths = lengths.map(|(axis, weight)| (u32::from(high[axis] - low[axis]) * weight, axis));
    let (length, axis) = lengths.reduce(|best, next| if best.0 < next.0 { next } else { best })?;
    if length == 0 {
        return None;
    }
    let mut counts = [0; 256];
    for alike in &*list {
        counts[usize::from(alike.colour[axis])] += alike.count;
    }
    // The first half takes values from the top until it has more than half of the pixels, but never all.
    let (mut first, mut edge) = (0, high[axis]);
    loop {
        first += counts[usize::from(edge)];
        if 2 * first > pixels {
            break;
        }
        edge -= 1;
    }
    if edge == low[axis] {
        first -= counts[usize::from(edge)];
        edge += 1;
    }
    let mut middle = 0;
    for i in 0..list.len() {
        if list[i].colour[axis] >= edge {
            list.swap(i, middle);
            middle += 1;
        }
    }
    Some((middle, first))
}

fn mean(list: &[Alike]) -> [u8; 3] {
    let count: u64 = list.iter().map(|alike| alike.count).sum();
    [0, 1, 2].map(|axis| {
        let sum: u64 = list.iter().map(|alike| alike.sum[axis]).sum();
        (0.5 + sum as f64 / count as f64) as u8
    })
}

/// A heap by pixels. The library's would order equals otherwise than Pillow's does.
struct Heap(Vec<Region>);

impl Heap {
    fn push(&mut self, new: Region) {
        let mut place = self.0.len();
        self.0.push(new);
        while place > 0 {
            let parent = (place - 1) / 2;
            if new.pixels <= self.0[parent].pixels {
                break;
            }
            self.0[place] = self.0[parent];
            place = parent;
        }
        self.0[place] = new;
    }

    fn pop(&mut self) -> Option<Region> {
        let last = self.0.pop()?;
        let Some(&top) = self.0.first() else { return Some(last) };
        let mut place = 0;
        while let Some(left) = self.0.get(2 * place + 1) {
            let right = self.0.get(2 * place + 2).filter(|right| left.pixels < right.pixels);
            let child = 2 * place + if right.is_some() { 2 } else { 1 };
            if last.pixels > self.0[child].pixels {
                break;
            }
            self.0[place] = self.0[child];
            place = child;
        }
        self.0[place] = last;
        Some(top)
    }
}

/// Finds the colour of a palette that is nearest to any, and remembers it.
pub(super) struct Nearest {
    palette: Vec<[u8; 3]>,
    /// By the upper six bits of each channel: number of the colour and 1, or 0.
    found: Vec<u16>,
}

impl Nearest {
    pub(super) fn new(palette: Vec<[u8; 3]>) -> Self {
        Self { palette, found: vec![0; 1 << 18] }
    }

    /// How many colours there are.
    pub(super) fn colours(&self) -> usize {
        self.palette.len()
    }

    /// The nearest to a colour without its last two bits; of equals the first.
    pub(super) fn to(&mut self, colour: [u8; 3]) -> [u8; 3] {
        let [r, g, b] = colour.map(|v| usize::from(v >> 2));
        let found = &mut self.found[r << 12 | g << 6 | b];
        if *found == 0 {
            let distance = |other: &[u8; 3]| -> i32 {
                let differences = colour.iter().zip(other);
                differences.map(|(a, b)| (i32::from(a & 0xfc) - i32::from(*b)).pow(2)).sum()
            };
            let mut best = i32::MAX;
            for (number, other) in self.palette.iter().enumerate() {
                let distance = distance(other);
                if distance < best {
                    best = distance;
                    *found = number as u16 + 1;
                }
            }
        }
        self.palette[usize::from(*found) - 1]
    }
}
