//! When a GPU is told to begin. What it is told at once nothing interrupts: a slow one that is busy for two seconds is taken for
//! hung by the browser or the system, and the screen stands still until then.

use std::cell::Cell;

use cubecl::client::Client;

/// Multiply-adds that are submitted together, 0.6 seconds of a GPU that makes a tenth of a TFLOP/s. More than that is submitted
/// alone. Small kernels wait for others of them: their number is limited where the device is opened.
const AT_ONCE: f64 = 32e9;

thread_local! {
    /// Multiply-adds that the GPU was given and not told to begin with, or more where it was told for another reason.
    static WAITING: Cell<f64> = const { Cell::new(0.0) };
}

/// Makes room for a kernel of so many multiply-adds, which is launched next.
pub(super) fn before(client: &Client, multiply_adds: f64) {
    let (waiting, begins) = joined(WAITING.get(), multiply_adds);
    WAITING.set(waiting);
    if begins {
        // What cannot be submitted is told by whoever reads the result.
        let _ = client.flush();
    }
}

/// What waits with so much more, and whether what waited before has to begin first.
fn joined(waiting: f64, more: f64) -> (f64, bool) {
    match waiting + more > AT_ONCE {
        true => (more, waiting > 0.0),
        false => (waiting + more, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_waits_and_much_goes_alone() {
        let (mut waiting, mut begun) = (0.0, Vec::new());
        for (i, more) in [1e9, 30e9, 1e9, 1e9, 80e9, 1e9].into_iter().enumerate() {
            let begins;
            (waiting, begins) = joined(waiting, more);
            if begins {
                begun.push(i);
            }
        }
        // Before the fourth three are full, the fifth is more than may be, and the last begins after it.
        assert_eq!(begun, [3, 4, 5]);
        assert_eq!(waiting, 1e9);
    }
}
