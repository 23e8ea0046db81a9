//! How much a GPU is told to do at once, which nothing interrupts: a slow one that is busy for two seconds is taken for hung by the
//! browser or the system, and the screen stands still until then.

use std::cell::Cell;
use std::ops::Range;

use crate::device;

thread_local! {
    /// Multiply-adds that the GPU was given and not told to begin with, or more where it was told for another reason. Small
    /// kernels wait for others of them: their number is limited where the device is opened.
    static WAITING: Cell<f64> = const { Cell::new(0.0) };
}

/// Launches so many rows of workgroups, which make so many multiply-adds, in parts; `begin` tells the GPU to begin with what it
/// was given.
pub(super) fn in_parts(
    rows: usize,
    multiply_adds: f64,
    begin: impl Fn(),
    mut launch: impl FnMut(Range<usize>),
) {
    let most = device::multiply_adds_at_once();
    let row = multiply_adds / rows as f64;
    for part in parts(rows, (most / row) as usize) {
        let more = row * part.len() as f64;
        let mut waiting = WAITING.get();
        if waiting > 0.0 && waiting + more > most {
            begin();
            waiting = 0.0;
        }
        WAITING.set(waiting + more);
        launch(part);
    }
}

/// As few parts as there may be of at most so many rows, of nearly as many each.
fn parts(rows: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let count = rows.div_ceil(most.max(1)).max(1);
    let each = rows.div_ceil(count).max(1);
    (0..rows).step_by(each).map(move |first| first..rows.min(first + each))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// What is launched of kernels with so many rows and multiply-adds, and when the GPU begins, by an empty part.
    fn told(kernels: &[(usize, f64)]) -> Vec<Range<usize>> {
        device::pace(Some(32.0));
        WAITING.set(0.0);
        let told = RefCell::new(Vec::new());
        let tell = |part: Range<usize>| told.borrow_mut().push(part);
        for (rows, multiply_adds) in kernels {
            in_parts(*rows, *multiply_adds, || tell(0..0), tell);
        }
        told.into_inner()
    }

    #[test]
    fn small_kernels_wait_for_more() {
        let kernels = [(1, 1.0), (2, 30.0), (3, 1.0), (4, 1.0), (5, 32.0), (6, 1.0)];
        // Before the fourth as much waits as may be; the fifth goes alone.
        assert_eq!(told(&kernels), [0..1, 0..2, 0..3, 0..0, 0..4, 0..0, 0..5, 0..0, 0..6]);
    }

    #[test]
    fn large_kernels_are_launched_in_parts() {
        // Four rows a part, not six and a small rest.
        assert_eq!(told(&[(8, 40.0)]), [0..4, 0..0, 4..8]);
        // The last part leaves room.
        assert_eq!(told(&[(10, 80.0), (1, 16.0)]), [0..4, 0..0, 4..8, 0..0, 8..10, 0..1]);
        // A row is not cut.
        assert_eq!(told(&[(2, 80.0)]), [0..1, 0..0, 1..2]);
        assert_eq!(told(&[(0, 0.0), (1, 0.0), (2, 1.0)]), [0..1, 0..2]);
    }
}
