//! Convolutions: whole, of an enlarged map, and a share of the channels at a time.

use burn::tensor::Tensor;
use tintype::device::read;
use tintype::ops::{Activation, After, Conv2d, Padding};

use super::Compared;
use super::stored::Format::{Bf16, F16, F32, Int8};
use super::stored::{FORMATS, Format, Stored, numbers};

/// A convolution: batch, inputs, outputs; height, width; kernel, stride, padding.
type Shape = ([usize; 3], [usize; 2], usize, usize, Padding);

const REAL: [(Shape, Format); 13] = [
    (([1, 320, 320], [32, 32], 3, 1, Padding::Same(1)), F16),
    (([2, 1280, 1280], [8, 8], 3, 1, Padding::Same(1)), Int8),
    (([1, 2560, 1280], [4, 4], 3, 1, Padding::Same(1)), F16),
    (([1, 640, 640], [32, 32], 3, 2, Padding::Same(1)), Bf16),
    (([2, 960, 320], [16, 16], 1, 1, Padding::Same(0)), F16),
    (([2, 4, 320], [64, 64], 3, 1, Padding::Same(1)), F32),
    (([2, 320, 4], [64, 64], 3, 1, Padding::Same(1)), F16),
    (([1, 9, 320], [16, 16], 3, 1, Padding::Same(1)), F16),
    (([1, 512, 512], [16, 16], 3, 1, Padding::Same(1)), F32),
    (([1, 128, 128], [33, 32], 3, 2, Padding::BottomRight), F16),
    (([1, 128, 3], [128, 128], 3, 1, Padding::Same(1)), Bf16),
    (([2, 64, 128], [16, 16], 3, 1, Padding::Same(1)), F16),
    (([1, 256, 256], [2, 2], 3, 1, Padding::Same(1)), Int8),
];

const ODD: [Shape; 4] = [
    ([3, 12, 20], [7, 5], 3, 1, Padding::Same(1)),
    ([4, 5, 7], [1, 1], 3, 1, Padding::Same(1)),
    ([1, 3, 8], [11, 13], 7, 1, Padding::Same(3)),
    ([2, 36, 33], [9, 8], 3, 2, Padding::BottomRight),
];

/// Convolutions of an enlarged map: the sizes as above, and height and width that it is enlarged to.
const ENLARGED: [(Shape, [usize; 2]); 2] = [
    (([1, 640, 640], [8, 8], 3, 1, Padding::Same(1)), [16, 16]),
    (([2, 36, 33], [5, 9], 3, 1, Padding::Same(1)), [9, 17]),
];

/// Those of the autoencoder that large pictures go through a share of the channels at a time.
const SHARED: [(Shape, Format); 4] = [
    (([1, 512, 512], [16, 16], 3, 1, Padding::Same(1)), F32),
    (([1, 512, 256], [16, 16], 3, 1, Padding::Same(1)), F16),
    (([1, 512, 256], [16, 16], 1, 1, Padding::Same(0)), Bf16),
    (([1, 256, 128], [24, 24], 3, 1, Padding::Same(1)), Int8),
];

const ODD_SHARED: [Shape; 2] = [
    ([3, 12, 20], [7, 5], 3, 1, Padding::Same(1)),
    ([2, 36, 32], [9, 8], 3, 2, Padding::BottomRight),
];

impl Compared<'_> {
    /// Whole maps, enlarged or not.
    pub(super) async fn convolutions(&mut self) {
        let odd = ODD.into_iter().flat_map(|shape| FORMATS.map(|format| (shape, format)));
        for (shape, format) in REAL.into_iter().chain(odd) {
            self.convolution(self.case(shape, None, format)).await;
        }
        for (shape, size) in ENLARGED {
            self.enlarged_convolution(self.case(shape, Some(size), F16), size).await;
        }
    }

    /// Four shares of the outputs, and what four shares of the inputs add up to.
    pub(super) async fn convolutions_in_shares(&mut self) {
        let odd = ODD_SHARED.into_iter().flat_map(|shape| FORMATS.map(|format| (shape, format)));
        for (shape, format) in SHARED.into_iter().chain(odd) {
            let case = self.case(shape, None, format);
            let (conv, map) = (self.layer(&case).await, self.map(&case.x, case.map()));
            let ours = read(by_outputs(&conv, &map)).await;
            self.take(&format!("{}, by outputs", case.name), ours, |place| case.sum(place));
            let ours = read(by_inputs(&conv, &map)).await;
            self.take(&format!("{}, by inputs", case.name), ours, |place| case.sum(place));
        }
    }

    async fn convolution(&mut self, case: Case) {
        let (conv, map) = (self.layer(&case).await, self.map(&case.x, case.map()));
        let result = case.result();
        let shift = numbers(4, result[0] * result[1]);
        let shifts = self.tensor(&shift, [result[0], result[1]]);
        let ours = read(conv.forward_shifted(map.clone(), shifts)).await;
        let positions = result[2] * result[3];
        self.take(&case.name, ours, |place| case.sum(place) + f64::from(shift[place / positions]));
        let plus = self.given(5, result.iter().product());
        let after = After { activation: Activation::Silu, plus: Some(self.map(&plus, result)) };
        let ours = read(conv.forward_then(map, after)).await;
        self.take(&format!("{}, silu, plus", case.name), ours, |place| {
            let sum = case.sum(place);
            sum / (1.0 + (-sum).exp()) + f64::from(plus[place])
        });
    }

    async fn enlarged_convolution(&mut self, case: Case, size: [usize; 2]) {
        let (conv, map) = (self.layer(&case).await, self.map(&case.x, case.map()));
        let after = After { activation: Activation::LeakyRelu(0.2), plus: None };
        let ours = read(conv.forward_enlarged(map, size, after)).await;
        self.take(&case.name, ours, |place| {
            let sum = case.sum(place);
            if sum < 0.0 { 0.2 * sum } else { sum }
        });
    }

    fn case(&self, shape: Shape, enlarged: Option<[usize; 2]>, format: Format) -> Case {
        let case = Case::new(shape, enlarged, format);
        Case { x: self.as_given(case.x), ..case }
    }

    async fn layer(&self, case: &Case) -> Conv2d {
        let ([_, inputs, outputs], _, kernel, stride, padding) = case.shape;
        let shape = [outputs, inputs, kernel, kernel];
        let mut weights = self.weights(&case.w, &shape, &case.bias).await;
        weights.conv2d("layer", [inputs, outputs], kernel, stride, padding).unwrap()
    }
}

/// Layers that one is cut into.
const SHARES: usize = 4;

fn by_outputs(conv: &Conv2d, x: &Tensor<4>) -> Tensor<4> {
    let outputs = conv.by_outputs(SHARES).into_iter().map(|share| share.forward(x.clone()));
    Tensor::cat(outputs.collect(), 1)
}

fn by_inputs(conv: &Conv2d, x: &Tensor<4>) -> Tensor<4> {
    let width = x.dims()[1] / SHARES;
    let mut sum = None;
    for (i, share) in conv.by_inputs(SHARES).into_iter().enumerate() {
        let after = After { plus: sum, ..After::default() };
        sum = Some(share.forward_then(x.clone().narrow(1, i * width, width), after));
    }
    sum.unwrap()
}

/// A layer, a map, and every number of what one makes of the other.
struct Case {
    name: String,
    shape: Shape,
    /// Height and width that the layer sees the map in.
    seen: [usize; 2],
    x: Vec<f32>,
    w: Stored,
    bias: Vec<f32>,
}

impl Case {
    fn new(shape: Shape, enlarged: Option<[usize; 2]>, format: Format) -> Self {
        let (channels, [height, width], kernel, stride, _) = shape;
        let [batch, inputs, outputs] = channels;
        Self {
            name: format!(
                "{channels:?} {height}×{width} {kernel}/{stride} {enlarged:?} {format:?}"
            ),
            shape,
            seen: enlarged.unwrap_or([height, width]),
            x: numbers(1, batch * inputs * height * width),
            w: Stored::new(format, outputs, inputs * kernel * kernel),
            bias: numbers(3, outputs),
        }
    }

    /// Batch, channels, height, width of the map.
    fn map(&self) -> [usize; 4] {
        let ([batch, inputs, _], [height, width], ..) = self.shape;
        [batch, inputs, height, width]
    }

    /// Batch, channels, height, width of the result.
    fn result(&self) -> [usize; 4] {
        let ([batch, _, outputs], _, kernel, stride, _) = self.shape;
        let [before, behind] = self.padding();
        let [rows, columns] = self.seen.map(|side| (side + before + behind - kernel) / stride + 1);
        [batch, outputs, rows, columns]
    }

    fn padding(&self) -> [usize; 2] {
        match self.shape.4 {
            Padding::Same(count) => [count, count],
            Padding::BottomRight => [0, 1],
        }
    }

    /// A number of the result, in f64.
    fn sum(&self, place: usize) -> f64 {
        let ([_, inputs, _], [height, width], kernel, stride, _) = self.shape;
        let [_, outputs, rows, columns] = self.result();
        let [before, _] = self.padding();
        let (element, place) =
            (place / (outputs * rows * columns), place % (outputs * rows * columns));
        let (o, place) = (place / (rows * columns), place % (rows * columns));
        let (top, left) = (place / columns * stride, place % columns * stride);
        let mut sum = f64::from(self.bias[o]);
        for tap in 0..kernel * kernel {
            let (row, column) = (top + tap / kernel, left + tap % kernel);
            let is_inside = row >= before
                && column >= before
                && row - before < self.seen[0]
                && column - before < self.seen[1];
            if !is_inside {
                continue;
            }
            let row = (row - before) * height / self.seen[0];
            let column = (column - before) * width / self.seen[1];
            for i in 0..inputs {
                let x = self.x[((element * inputs + i) * height + row) * width + column];
                let w = self.w.numbers[(o * inputs + i) * kernel * kernel + tap];
                sum += f64::from(x) * f64::from(w);
            }
        }
        sum
    }
}
