//! The worker as the engine's host: events out, turns of the event loop in.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::WorkerGlobalScope;

use super::convert::to_js;
use crate::graph::{Event, Host};

/// The worker; one run at a time.
#[derive(Default)]
pub(super) struct WorkerHost {
    current: RefCell<Rc<Cell<bool>>>,
}

impl WorkerHost {
    /// A run that a later [`cancel`](Self::cancel) ends.
    pub(super) fn begin(&self, on_event: Function) -> WorkerRun {
        let cancelled = Rc::new(Cell::new(false));
        *self.current.borrow_mut() = cancelled.clone();
        WorkerRun { cancelled, on_event }
    }

    /// Ends the latest run.
    pub(super) fn cancel(&self) {
        self.current.borrow().set(true);
    }
}

/// One run's view of the worker.
pub(super) struct WorkerRun {
    cancelled: Rc<Cell<bool>>,
    on_event: Function,
}

impl Host for WorkerRun {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        // A timer, not a resolved promise: messages (a cancel) are only handled between tasks.
        let turn = Promise::new(&mut |resolve, _| {
            let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
            if scope.set_timeout_with_callback(&resolve).is_err() {
                let _ = resolve.call0(&JsValue::NULL);
            }
        });
        Box::pin(async move {
            let _ = JsFuture::from(turn).await;
        })
    }

    fn now_millis(&self) -> f64 {
        js_sys::Date::now()
    }

    fn emit(&self, mut event: Event) {
        let bytes = event.take_bytes();
        let Ok(message) = to_js(&event) else { return };
        if let Some((name, bytes)) = bytes
            && let Ok(data) = Reflect::get(&message, &"data".into())
        {
            let _ = Reflect::set(&data, &name.into(), &Uint8Array::from(&bytes[..]));
        }
        // A listener that throws must not end the run: what it throws is its own.
        let _ = self.on_event.call1(&JsValue::NULL, &message);
    }

    fn cancelled(&self) -> bool {
        self.cancelled.get()
    }
}
