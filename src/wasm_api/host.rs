//! The worker as the engine's host: events out, turns of the event loop in.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageChannel;

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
        WorkerRun { cancelled, on_event, last_turn: Cell::default() }
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
    /// When the event loop had its last turn, in milliseconds.
    last_turn: Cell<f64>,
}

/// How often the event loop gets a turn, in milliseconds: a cancel waits no longer than this, and a graph of
/// many small nodes is not slowed down by a message for each.
const TURN_EVERY: f64 = 8.0;

impl Host for WorkerRun {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        let now = self.now_millis();
        // Either way, for a clock may be set back.
        if (now - self.last_turn.get()).abs() < TURN_EVERY {
            return Box::pin(std::future::ready(()));
        }
        self.last_turn.set(now);
        // A message to ourselves, not a resolved promise: other messages (a cancel) are only handled between
        // tasks. Not a timer either: browsers stretch nested ones to 4 ms, a few per cent of a step.
        let channel = MessageChannel::new().ok();
        let turn = Promise::new(&mut |resolve, _| {
            let sent = channel.as_ref().is_some_and(|channel| {
                channel.port1().set_onmessage(Some(&resolve));
                channel.port2().post_message(&JsValue::NULL).is_ok()
            });
            if !sent {
                let _ = resolve.call0(&JsValue::NULL);
            }
        });
        Box::pin(async move {
            let _ = JsFuture::from(turn).await;
            if let Some(channel) = channel {
                channel.port1().close();
            }
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
