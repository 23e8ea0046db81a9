//! The change of one layer: its parts as a file has them, and what they are multiplied to.

use std::collections::BTreeMap;

use burn::tensor::{FloatDType, Tensor};

use crate::error::{Error, ErrorKind, Result};
use crate::ops::Linear;
use crate::weights::stored::Stored;

/// Which part of a change a tensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Down,
    Up,
    Mid,
    Alpha,
    HadaW1A,
    HadaW1B,
    HadaW2A,
    HadaW2B,
    HadaT1,
    HadaT2,
    KronW1,
    KronW1A,
    KronW1B,
    KronW2,
    KronW2A,
    KronW2B,
    KronT2,
    Diff,
    DiffBias,
}

/// Numbers of a part.
#[derive(Debug)]
pub(super) enum Part {
    Device(Box<Tensor<1>>),
    Host(Vec<f32>),
    File(Box<Stored>),
}

/// The change of one layer.
#[derive(Debug, Default)]
pub(super) struct Delta {
    parts: BTreeMap<Role, (Vec<usize>, Part)>,
}

/// A change: its shape and numbers.
type Change = (Vec<usize>, Tensor<1>);

impl Delta {
    pub(super) fn put(&mut self, role: Role, shape: Vec<usize>, part: Part) {
        self.parts.insert(role, (shape, part));
    }

    /// What is added to the layer's `weight` and `bias`.
    pub(super) fn changes(&self, file: &str, layer: &str) -> Result<Vec<(&'static str, Change)>> {
        let parts = Parts { delta: self, file, layer };
        let mut changes = Vec::new();
        let has = |role| self.parts.contains_key(&role);
        if has(Role::Up) || has(Role::Down) {
            changes.push(("weight", parts.low_rank()?));
        }
        if has(Role::HadaW1A) {
            changes.push(("weight", parts.hadamard()?));
        }
        if has(Role::KronW1) || has(Role::KronW1A) {
            changes.push(("weight", parts.kronecker()?));
        }
        for (role, kind) in [(Role::Diff, "weight"), (Role::DiffBias, "bias")] {
            if let Some((shape, tensor)) = parts.find(role)? {
                changes.push((kind, (shape, tensor)));
            }
        }
        Ok(changes)
    }
}

struct Parts<'a> {
    delta: &'a Delta,
    file: &'a str,
    layer: &'a str,
}

impl Parts<'_> {
    fn find(&self, role: Role) -> Result<Option<Change>> {
        match self.delta.parts.get(&role) {
            Some((shape, Part::Device(tensor))) => {
                Ok(Some((shape.clone(), (**tensor).clone().cast(FloatDType::F32))))
            }
            Some((shape, Part::File(stored))) => Ok(Some((shape.clone(), stored.tensor()?))),
            // A tensor without numbers stayed on the host.
            Some((shape, Part::Host(_))) => Err(self.misshapen(role, shape)),
            None => Ok(None),
        }
    }

    fn need(&self, role: Role) -> Result<Change> {
        self.find(role)?.ok_or_else(|| {
            Error::new(ErrorKind::MissingTensor {
                file: self.file.to_owned(),
                tensor: format!("{} ({role:?})", self.layer),
            })
            .hint("the file is incomplete: download it again")
        })
    }

    /// The part as a matrix: its first axis, and all others as one.
    fn matrix(&self, role: Role) -> Result<(Vec<usize>, Tensor<2>)> {
        let (shape, tensor) = self.need(role)?;
        let rows = shape.first().copied().unwrap_or(0);
        if rows == 0 || tensor.dims()[0] == 0 {
            return Err(self.misshapen(role, &shape));
        }
        let columns = tensor.dims()[0] / rows;
        Ok((shape, tensor.reshape([rows, columns])))
    }

    fn product(&self, left: Role, right: Role) -> Result<(Vec<usize>, Tensor<2>)> {
        let ((left_shape, a), (shape, b)) = (self.matrix(left)?, self.matrix(right)?);
        if a.dims()[1] != b.dims()[0] {
            return Err(self.misshapen(left, &left_shape));
        }
        let shape = [&left_shape[..1], &shape[1..]].concat();
        Ok((shape, product(a, b)))
    }

    /// How strong the file says it is: alpha divided by the rank; 1 where it says nothing.
    fn scale(&self, rank: usize) -> f32 {
        match self.delta.parts.get(&Role::Alpha) {
            Some((_, Part::Host(alpha))) if !alpha.is_empty() => alpha[0] / rank.max(1) as f32,
            _ => 1.0,
        }
    }

    /// LoRA: up · down; LoCon with a core: up · core · down.
    fn low_rank(&self) -> Result<Change> {
        let (down_shape, down) = self.matrix(Role::Down)?;
        let rank = down_shape[0];
        let scale = self.scale(rank);
        let (shape, change) = match self.find(Role::Mid)? {
            None => self.product(Role::Up, Role::Down)?,
            Some((shape, core)) => {
                let (_, up) = self.matrix(Role::Up)?;
                self.tucker(shape, core, up, down)?
            }
        };
        Ok((shape, flat(change * scale)))
    }

    /// A core `[i, j, …kernel]` between `up` `[out, i]` and `down` `[j, in]`: `[out, in, …kernel]`.
    fn tucker(
        &self,
        core_shape: Vec<usize>,
        core: Tensor<1>,
        up: Tensor<2>,
        down: Tensor<2>,
    ) -> Result<(Vec<usize>, Tensor<2>)> {
        let [out, inner] = up.dims();
        let [rank, inputs] = down.dims();
        if core_shape.len() < 2 || core_shape[0] != inner || core_shape[1] != rank {
            return Err(self.misshapen(Role::Mid, &core_shape));
        }
        let kernel: usize = core_shape[2..].iter().product();
        // [out, j·kernel], then the kernel's places before j, so that j is what is summed.
        let left = product(up, core.reshape([inner, rank * kernel]));
        let left = left.reshape([out, rank, kernel]).swap_dims(1, 2).reshape([out * kernel, rank]);
        let all = product(left, down).reshape([out, kernel, inputs]).swap_dims(1, 2);
        let shape = [&[out, inputs], &core_shape[2..]].concat();
        Ok((shape, all.reshape([out, inputs * kernel])))
    }

    /// LoHa: the product, number by number, of two low-rank matrices.
    fn hadamard(&self) -> Result<Change> {
        let half = |a, b, core| -> Result<(Vec<usize>, Tensor<2>)> {
            match self.find(core)? {
                None => self.product(a, b),
                Some((shape, core)) => {
                    let ((_, up), (_, down)) = (self.matrix(a)?, self.matrix(b)?);
                    self.tucker(shape, core, up.transpose(), down)
                }
            }
        };
        let (shape, first) = half(Role::HadaW1A, Role::HadaW1B, Role::HadaT1)?;
        let (other, second) = half(Role::HadaW2A, Role::HadaW2B, Role::HadaT2)?;
        if shape != other {
            return Err(self.misshapen(Role::HadaW2A, &other));
        }
        let (rank_shape, _) = self.matrix(Role::HadaW1B)?;
        Ok((shape, flat(first * second * self.scale(rank_shape[0]))))
    }

    /// LoKr: the Kronecker product of a small matrix and a larger one, either of which may be a low-rank product.
    fn kronecker(&self) -> Result<Change> {
        let (has, parts) = (|role| self.delta.parts.contains_key(&role), self);
        let mut rank = None;
        let (_, small) = if has(Role::KronW1) {
            parts.matrix(Role::KronW1)?
        } else {
            rank = Some(parts.matrix(Role::KronW1B)?.0[0]);
            parts.product(Role::KronW1A, Role::KronW1B)?
        };
        let (shape, large) = if has(Role::KronW2) {
            parts.matrix(Role::KronW2)?
        } else {
            rank = Some(parts.matrix(Role::KronW2B)?.0[0]);
            match self.find(Role::KronT2)? {
                None => parts.product(Role::KronW2A, Role::KronW2B)?,
                Some((shape, core)) => {
                    let ((_, up), (_, down)) =
                        (self.matrix(Role::KronW2A)?, self.matrix(Role::KronW2B)?);
                    self.tucker(shape, core, up.transpose(), down)?
                }
            }
        };
        let ([a, b], [c, d]) = (small.dims(), large.dims());
        // With a kernel, only the first two axes are multiplied: its places stay innermost, as they are.
        let all = small.reshape([a, 1, b, 1]) * large.reshape([1, c, 1, d]);
        let mut shape = shape;
        shape[0] *= a;
        if let Some(inputs) = shape.get_mut(1) {
            *inputs *= b;
        }
        let scale = rank.map_or(1.0, |rank| self.scale(rank));
        Ok((shape, flat(all.reshape([a * c, b * d]) * scale)))
    }

    fn misshapen(&self, role: Role, shape: &[usize]) -> Error {
        Error::new(ErrorKind::UnsupportedModel {
            file: self.file.to_owned(),
            what: format!(
                "a LoRA whose parts do not fit each other (`{}`, {role:?} is {shape:?})",
                self.layer
            ),
        })
        .hint("the file is damaged: download it again")
    }
}

/// `a · b`, by the matrix product that networks use: burn's own would come into the engine for this alone.
fn product(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    Linear::new(b.transpose(), None).forward(a)
}

fn flat(matrix: Tensor<2>) -> Tensor<1> {
    let numbers = matrix.shape().num_elements();
    matrix.reshape([numbers])
}
