//! From a level of a decoder to the next larger one.

use burn::tensor::Tensor;

use super::{Resnet, Upsample};
use crate::models::probe::seen;
use crate::ops::{After, Conv2d, GroupNorm};

/// Shares that the channels between an upsampler and a narrowing residual block are worked out in.
const SHARES: usize = 4;
/// Channels of a share at least: fewer leave a convolution too little to do at once.
const SHARE: usize = 64;

/// Channels that exist at once of the `between` that an upsampler gives to a residual block of `outputs`.
pub(crate) fn channels_at_once(between: usize, outputs: usize, groups: usize) -> usize {
    let is_wide = between > outputs && between >= SHARES * SHARE;
    if is_wide && groups.is_multiple_of(SHARES) { between / SHARES } else { between }
}

/// An upsampler and the residual block after it.
#[derive(Debug)]
pub(crate) enum Rise {
    /// One after the other.
    Whole(Box<(Upsample, Resnet)>),
    /// Where the block narrows a wide map.
    Shared(Box<Shared>),
}

/// Both in shares of the channels between them, which as a whole would be the largest map of all. A group norm knows no
/// channels but its group's and a convolution sums over them: the results are those of the whole, added in another order.
#[derive(Debug)]
pub(crate) struct Shared {
    shares: Vec<Share>,
    /// The residual block's, and what it does with the sum of the shares.
    path: String,
    norm2: GroupNorm,
    conv2: Conv2d,
}

/// What a share of the channels goes through.
#[derive(Debug)]
struct Share {
    upsample: Conv2d,
    norm1: GroupNorm,
    conv1: Conv2d,
    conv_shortcut: Conv2d,
}

impl Rise {
    /// `between`: channels that the upsampler gives; `outputs`, `groups`: the block's.
    pub(crate) fn new(
        upsample: Upsample,
        resnet: Resnet,
        [between, outputs]: [usize; 2],
        groups: usize,
    ) -> Self {
        let count = between / channels_at_once(between, outputs, groups);
        match &resnet {
            Resnet { norm1, conv1, conv_shortcut: Some(shortcut), .. } if count > 1 => {
                let upsamples = upsample.conv.by_outputs(count).into_iter();
                let norms = norm1.by_channels(count).into_iter();
                let convs = conv1.by_inputs(count).into_iter().zip(shortcut.by_inputs(count));
                let shares = upsamples.zip(norms).zip(convs).map(
                    |((upsample, norm1), (conv1, conv_shortcut))| Share {
                        upsample,
                        norm1,
                        conv1,
                        conv_shortcut,
                    },
                );
                Self::Shared(Box::new(Shared {
                    shares: shares.collect(),
                    path: resnet.path,
                    norm2: resnet.norm2,
                    conv2: resnet.conv2,
                }))
            }
            _ => Self::Whole(Box::new((upsample, resnet))),
        }
    }

    /// `x`: `[batch, in, height, width]` → `[batch, out, 2 · height, 2 · width]`. `below`: the path of the block that ends
    /// with the upsampler.
    pub(crate) fn forward(&self, below: &str, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let size = [2 * height, 2 * width];
        match self {
            Self::Whole(whole) => {
                let (upsample, resnet) = &**whole;
                resnet.forward(seen(below, upsample.forward(x, size)), None)
            }
            Self::Shared(shared) => shared.forward(x, size),
        }
    }
}

impl Shared {
    fn forward(&self, x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
        let (mut kept, mut sum) = (None, None);
        for Share { upsample, norm1, conv1, conv_shortcut } in &self.shares {
            let h = upsample.forward_enlarged(x.clone(), size, After::default());
            let added = |plus| After { plus, ..After::default() };
            kept = Some(conv_shortcut.forward_then(h.clone(), added(kept)));
            sum = Some(conv1.forward_then(norm1.forward_silu(h), added(sum)));
        }
        drop(x);
        let h = self.norm2.forward_silu(sum.expect("there are several shares"));
        seen(&self.path, self.conv2.forward_then(h, After { plus: kept, ..After::default() }))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use burn::tensor::TensorData;

    use super::*;
    use crate::device::{self, DeviceKind};
    use crate::ops::{Padding, Read, Weight};

    const GROUPS: usize = 8;

    fn tensor<const D: usize>(seed: usize, dims: [usize; D], size: f32) -> Tensor<D> {
        let value = |i: usize| (((i * 7919 + seed * 104_729) % 1009) as f32 / 504.0 - 1.0) * size;
        let count = dims.iter().product::<usize>();
        let data = TensorData::new((0..count).map(value).collect::<Vec<f32>>(), dims);
        let device = pollster::block_on(device::open(DeviceKind::Cpu, |_| {})).unwrap().0;
        Tensor::from_data(data, &device)
    }

    fn conv(seed: usize, [inputs, outputs]: [usize; 2], kernel: usize) -> Conv2d {
        let size = 1.0 / (inputs as f32).sqrt();
        let weight = tensor(seed, [outputs, inputs, kernel, kernel], size);
        Conv2d::new(weight, Some(tensor(seed + 1, [outputs], 1.0)), 1, Padding::Same(kernel / 2))
    }

    /// A kernel in a file, and how often it was read.
    struct InFile(Tensor<1>, Rc<Cell<usize>>);

    impl Read for InFile {
        fn read(&self) -> Tensor<1> {
            self.1.set(self.1.get() + 1);
            self.0.clone()
        }
    }

    fn norm(seed: usize, channels: usize) -> GroupNorm {
        GroupNorm::new(
            tensor(seed, [channels], 1.0),
            tensor(seed + 1, [channels], 1.0),
            GROUPS,
            1e-6,
        )
    }

    fn parts(between: usize, outputs: usize) -> (Upsample, Resnet) {
        let resnet = Resnet {
            path: "resnet".to_owned(),
            norm1: norm(1, between),
            conv1: conv(3, [between, outputs], 3),
            time_emb_proj: None,
            norm2: norm(5, outputs),
            conv2: conv(7, [outputs; 2], 3),
            conv_shortcut: (between != outputs).then(|| conv(9, [between, outputs], 1)),
        };
        (Upsample { path: "upsample".to_owned(), conv: conv(11, [between; 2], 3) }, resnet)
    }

    fn assert_alike(shared: Tensor<4>, whole: Tensor<4>) {
        let [shared, whole] = [shared, whole].map(|x| pollster::block_on(device::read(x)).unwrap());
        assert_eq!(shared.len(), whole.len());
        let most = whole.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let off = shared.iter().zip(&whole).fold(0.0f32, |off, (a, b)| off.max((a - b).abs()));
        assert!(most > 1.0 && off < 1e-5 * most, "{off} of {most}");
    }

    #[test]
    fn shares_of_the_channels_give_what_all_of_them_give() {
        let (between, outputs) = (256, 128);
        let (upsample, resnet) = parts(between, outputs);
        let x = tensor(2, [2, between, 5, 3], 1.0);
        let whole = resnet.forward(upsample.forward(x.clone(), [10, 6]), None);
        let rise = Rise::new(upsample, resnet, [between, outputs], GROUPS);
        assert!(matches!(&rise, Rise::Shared(shared) if shared.shares.len() == 4));
        assert_alike(rise.forward("below", x), whole);
    }

    #[test]
    fn what_is_in_a_file_is_read_when_it_is_used() {
        let (between, outputs) = (256, 128);
        let (mut upsample, resnet) = parts(between, outputs);
        let x = tensor(2, [1, between, 3, 2], 1.0);
        let whole = resnet.forward(upsample.forward(x.clone(), [6, 4]), None);
        let reads = Rc::new(Cell::new(0));
        // The weights of `parts`.
        let shape = [between, between, 3, 3];
        let numbers = tensor(11, shape, 1.0 / (between as f32).sqrt()).flatten(0, 3);
        let weight = Weight::Read(Rc::new(InFile(numbers, reads.clone())), shape);
        let bias = tensor(12, [between], 1.0);
        upsample.conv = Conv2d::new(weight, Some(bias), 1, Padding::Same(1));
        let rise = Rise::new(upsample, resnet, [between, outputs], GROUPS);
        assert_eq!(reads.get(), 0);
        assert_alike(rise.forward("below", x), whole);
        assert_eq!(reads.get(), 4);
    }

    #[test]
    fn what_is_small_or_keeps_its_width_is_not_shared() {
        for (between, outputs) in [(128, 64), (256, 256)] {
            let (upsample, resnet) = parts(between, outputs);
            let rise = Rise::new(upsample, resnet, [between, outputs], GROUPS);
            assert!(matches!(rise, Rise::Whole(..)), "{between} {outputs}");
        }
        assert_eq!(channels_at_once(256, 128, 6), 256);
        assert_eq!(channels_at_once(512, 256, 32), 128);
    }
}
