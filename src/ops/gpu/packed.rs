//! Matrices and kernels as the GPU keeps them: in words of 32 bits, in the order in which they are multiplied.

use std::fmt;

use burn::tensor::{DType, Device, Int, Shape, Tensor, TensorData};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::elementwise::{pack_halves_kernel, unpack_kernel};
use super::number::Format;
use super::{arg, buffer, elements, floats, optional, tensor};

/// Numbers of a layer on a GPU: rows of outputs, in each row the places of the kernel, at each place the inputs.
///
/// As f32, as halves or in eight bits with a scale a row, whatever formats the GPU itself knows.
#[derive(Clone)]
pub struct Packed {
    words: CubeTensor,
    scale: Option<CubeTensor>,
    format: Format,
    /// Rows, places of the kernel, inputs.
    sides: [usize; 3],
}

impl Packed {
    /// Whether arrays of this shape, outputs first, are kept so: matrices and square kernels.
    pub fn takes(shape: &[usize]) -> bool {
        matches!(shape.len(), 2 | 4) && !shape.contains(&0)
    }

    /// Whether numbers of this shape can be less than 32 bits, a word being whole inputs of one place.
    pub fn narrows(shape: &[usize]) -> bool {
        Self::takes(shape) && shape[1].is_multiple_of(4)
    }

    /// Numbers in the checkpoint's order.
    pub fn floats(numbers: &[f32], shape: &[usize], device: &Device) -> Self {
        let words = ordered(numbers, shape).into_iter().map(f32::to_bits).collect();
        Self::new(words, None, Format::F32, shape, device)
    }

    /// Halves, or the upper halves of f32, as bits in the checkpoint's order.
    ///
    /// # Panics
    ///
    /// If they do not [narrow](Self::narrows).
    pub fn halves(bits: &[u16], brain: bool, shape: &[usize], device: &Device) -> Self {
        let bits = ordered(bits, shape);
        let (pairs, []) = bits.as_chunks::<2>() else { panic!("an odd number of halves") };
        let words = pairs.iter().map(|[a, b]| u32::from(*a) | u32::from(*b) << 16).collect();
        let format = if brain { Format::Bf16 } else { Format::F16 };
        Self::new(words, None, format, shape, device)
    }

    /// Integers in the checkpoint's order, each row of outputs times its scale.
    ///
    /// # Panics
    ///
    /// If they do not [narrow](Self::narrows).
    pub fn eight_bits(integers: &[u8], scales: Vec<f32>, shape: &[usize], device: &Device) -> Self {
        let integers = ordered(integers, shape);
        let (fours, []) = integers.as_chunks::<4>() else { panic!("no multiple of four integers") };
        // From −128 … 127 to 0 … 255.
        let words = fours.iter().map(|four| u32::from_le_bytes(*four) ^ 0x8080_8080).collect();
        Self::new(words, Some(scales), Format::Int8, shape, device)
    }

    fn new(
        words: Vec<u32>,
        scales: Option<Vec<f32>>,
        format: Format,
        shape: &[usize],
        device: &Device,
    ) -> Self {
        let words: Vec<i32> = words.into_iter().map(u32::cast_signed).collect();
        let words =
            TensorData::new(words, [sides(shape).iter().product::<usize>() / format.per_word()]);
        let words = device.memory_persistent_allocations(words, |words| {
            Tensor::<1, Int>::from_data(words, device)
        });
        let words = words.try_into_primitive::<CubeBackend>().expect("only a GPU packs");
        let scale = scales.map(|scales| {
            let scales = TensorData::new(scales, [shape[0]]);
            device.memory_persistent_allocations(scales, |scales| {
                buffer(Tensor::<1>::from_data(scales, device))
            })
        });
        Self { words, scale, format, sides: sides(shape) }
    }

    /// A matrix or kernel that is on the GPU already.
    pub fn of<const D: usize>(numbers: Tensor<D>) -> Self {
        let shape = numbers.dims();
        let sides = sides(&shape);
        let [rows, places, inputs] = sides;
        let words = buffer(numbers.reshape([rows, inputs, places]).swap_dims(1, 2));
        Self { words, scale: None, format: Format::F32, sides }
    }

    /// The numbers as f32, flattened, in the checkpoint's order.
    pub fn tensor(&self) -> Tensor<1> {
        let [rows, places, inputs] = self.sides;
        let row = places * inputs;
        let y = floats(&self.words, self.sides);
        let words = rows * row / self.format.per_word();
        let (count, dim) = elements(words);
        launch!(unpack_kernel(
            &y.client,
            count,
            dim,
            1,
            arg(&self.words),
            optional(self.scale.as_ref()),
            arg(&y),
            (rows * row) as u32,
            row as u32,
            self.format,
        ));
        tensor::<3>(y).swap_dims(1, 2).reshape([rows * row])
    }

    /// These numbers and others, which are flattened in the checkpoint's order, added up; as halves if these are less than 32
    /// bits.
    pub fn plus(&self, change: Tensor<1>) -> Self {
        let [rows, places, inputs] = self.sides;
        let sum = (self.tensor() + change).reshape([rows, inputs, places]).swap_dims(1, 2);
        let sum = buffer(sum);
        if self.format == Format::F32 {
            return Self { words: sum, ..self.clone() };
        }
        let words = rows * places * inputs / 2;
        let halves = floats(&sum, [words]);
        let (count, dim) = elements(words);
        launch!(
            pack_halves_kernel(&sum.client, count, dim, arg(&sum), arg(&halves), words as u32,)
        );
        Self { words: halves, scale: None, format: Format::F16, sides: self.sides }
    }

    /// Those of one of `count` shares of the rows (axis 0) or of the inputs (axis 1), in the same format; as f32 where a
    /// share of the inputs is not whole words.
    pub(in crate::ops) fn share(&self, axis: usize, [i, count]: [usize; 2]) -> Self {
        let [rows, places, inputs] = self.sides;
        let (mut sides, per_word) = (self.sides, self.format.per_word());
        sides[2 * axis] /= count;
        let share = sides[2 * axis];
        if !sides[2].is_multiple_of(per_word) {
            let whole = self.tensor().reshape([rows, inputs, places]);
            let words = buffer(whole.narrow(axis, i * share, share).swap_dims(1, 2));
            return Self { words, scale: None, format: Format::F32, sides };
        }
        let CubeTensor { client, device, handle, .. } = self.words.clone();
        let shape = Shape::from([rows, places, inputs / per_word]);
        let words = CubeTensor::new_contiguous(client, device, shape, handle, DType::I32);
        let words = Tensor::<3, Int>::from_primitive::<CubeBackend>(words);
        let words = match axis {
            0 => words.narrow(0, i * share, share),
            _ => words.narrow(2, i * share / per_word, share / per_word),
        };
        let words = words.try_into_primitive::<CubeBackend>().expect("only a GPU packs");
        let scale = self.scale.clone().map(|scale| match axis {
            0 => buffer(tensor::<1>(scale).narrow(0, i * share, share)),
            _ => scale,
        });
        Self { words: into_contiguous(words), scale, format: self.format, sides }
    }

    /// Memory they take.
    pub fn bytes(&self) -> usize {
        let scales = self.scale.as_ref().map_or(0, |_| self.sides[0]);
        4 * (self.sides.iter().product::<usize>() / self.format.per_word() + scales)
    }

    pub(in crate::ops) fn rows(&self) -> usize {
        self.sides[0]
    }

    /// Side of the square kernel.
    pub(in crate::ops) fn kernel(&self) -> usize {
        self.sides[1].isqrt()
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// The words, and the rows' scales.
    pub(super) fn buffers(&self) -> (&CubeTensor, Option<&CubeTensor>) {
        (&self.words, self.scale.as_ref())
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, sides, .. } = self;
        f.debug_struct("Packed")
            .field("format", format)
            .field("sides", sides)
            .finish_non_exhaustive()
    }
}

/// Rows, places of the kernel and inputs of `[rows, inputs]` or `[rows, inputs, kernel, kernel]`.
fn sides(shape: &[usize]) -> [usize; 3] {
    [shape[0], shape[2..].iter().product(), shape[1]]
}

/// From the checkpoint's order, in which a kernel's places are last, to the one in which inputs are.
fn ordered<T: Copy>(numbers: &[T], shape: &[usize]) -> Vec<T> {
    let [_, places, inputs] = sides(shape);
    if places == 1 {
        return numbers.to_vec();
    }
    let mut out = Vec::with_capacity(numbers.len());
    for row in numbers.chunks_exact(places * inputs) {
        for place in 0..places {
            out.extend(row[place..].iter().step_by(places));
        }
    }
    out
}
