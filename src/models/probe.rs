//! A test's view of what happens inside a network.
//!
//! Parity is proved block by block: a test installs an observer, each named block reports its output, and
//! the first name that disagrees with the reference is the bug. Without an observer it costs a check.

use std::cell::RefCell;

use burn::tensor::Tensor;

type Observer = Box<dyn FnMut(&str, Tensor<1>)>;

thread_local! {
    static OBSERVER: RefCell<Option<Observer>> = const { RefCell::new(None) };
}

/// Calls `observer` with the path and the flattened output of every block from now on; `None` stops it.
pub fn observe(observer: Option<Observer>) {
    OBSERVER.with(|slot| *slot.borrow_mut() = observer);
}

/// Reports a block's output and hands it on.
pub(crate) fn seen<const D: usize>(path: &str, output: Tensor<D>) -> Tensor<D> {
    seen_as(path, || output.clone());
    output
}

/// Reports a block's output, which is made for that alone.
pub(crate) fn seen_as<const D: usize>(path: &str, output: impl FnOnce() -> Tensor<D>) {
    OBSERVER.with(|slot| {
        if let Some(observer) = slot.borrow_mut().as_mut() {
            let output = output();
            let len = output.shape().num_elements();
            observer(path, output.reshape([len]));
        }
    });
}
