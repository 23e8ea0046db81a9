//! A file on its way from a server into the browser's private file system.
//!
//! A small file comes in one answer, from where an earlier one broke off. A large one comes in several parts at once, if
//! the server knows byte ranges; [`Parts`] says how the file tells which of them it has. Where the file's hash is known,
//! it is compared before the file has its right size: a file that is whole is the right one.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::try_join_all;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Response, WorkerGlobalScope};

use super::opfs::{Failure, OpfsSource};
use super::{Remote, http};
use crate::error::{self, Error, ErrorKind};
use crate::store::parts::Parts;
use crate::store::{ByteSource, Hash, Progress, cut_short};

/// From this size on a file is fetched in parts.
const LARGE_BYTES: u64 = 32 << 20;

/// Parts that are fetched at once.
const AT_ONCE: usize = 4;

/// How long to wait before a part that broke off is asked for again, and again.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// Parts that are hashed beside one that came: a download that goes on catches up, and the page can still cancel it.
const HASHED_AT_ONCE: usize = 2;

type Done = Result<(), Failure>;

/// A download under way. What is still asked for when it is dropped is given up.
pub(super) struct Download<'a> {
    file: &'a OpfsSource,
    remote: &'a Remote,
    progress: RefCell<Progress<'a>>,
    asked: AbortController,
}

/// Where a download in parts is.
struct State {
    parts: Parts,
    /// Parts that nobody fetches yet.
    queue: VecDeque<usize>,
    /// Bytes that are here, those of unfinished parts among them.
    done: u64,
    hash: Hash,
    /// Parts in the hash.
    hashed: usize,
}

impl Drop for Download<'_> {
    fn drop(&mut self) {
        self.asked.abort();
    }
}

impl<'a> Download<'a> {
    pub(super) fn new(
        file: &'a OpfsSource,
        remote: &'a Remote,
        progress: Progress<'a>,
    ) -> Result<Self, JsValue> {
        Ok(Self { file, remote, progress: RefCell::new(progress), asked: AbortController::new()? })
    }

    /// Fetches what is missing.
    pub(super) async fn run(&self) -> Done {
        let (size, len) = (self.file.size()?, self.remote.bytes);
        // Another tab, or another call, had it while this one waited for its turn.
        if size == len {
            return Ok(());
        }
        if len < LARGE_BYTES {
            let at = if size > len { 0 } else { size };
            let response = self.fetch((at > 0).then_some((at, None))).await?;
            return self.stream(if response.status() == 206 { at } else { 0 }, &response).await;
        }
        let parts = Parts::of(len, size, &self.file.behind(size)?);
        let queue: VecDeque<usize> = parts.missing().collect();
        let done = parts.bytes();
        let state = RefCell::new(State { parts, queue, done, hash: Hash::default(), hashed: 0 });
        let first = state.borrow_mut().queue.pop_front();
        if let Some(part) = first {
            let range = state.borrow().parts.range(part);
            let response = self.fetch(Some((range.start, Some(range.end)))).await?;
            if response.status() != 206 {
                return self.stream(0, &response).await;
            }
            let marks = Uint8Array::from(state.borrow().parts.marks());
            // Longer than it will be, from now on; and a disk without room for all of it refuses at once.
            self.file.cut(len + u64::from(marks.length()))?;
            self.file.write(len, &marks)?;
            let mut first = Some((part, response));
            try_join_all((0..AT_ONCE).map(|_| self.fetch_parts(first.take(), &state))).await?;
        }
        self.hash_on(&mut state.borrow_mut(), usize::MAX)?;
        if let Some(expected) = &self.remote.sha256 {
            state.into_inner().hash.check(self.file.name(), expected.clone())?;
        }
        self.file.cut(len)?;
        Ok(self.file.flush()?)
    }

    async fn fetch(&self, range: Option<(u64, Option<u64>)>) -> error::Result<Response> {
        http::fetch(self.file.name(), self.remote, range, Some(&self.asked.signal())).await
    }

    /// Takes the rest of a file, from `at` on, out of one answer.
    async fn stream(&self, mut at: u64, response: &Response) -> Done {
        let len = self.remote.bytes;
        let mut hash = Hash::default();
        self.file.cut(at)?;
        if self.remote.sha256.is_some() {
            self.file.hash(&mut hash, 0..at)?;
        }
        http::stream(self.file.name(), response, |chunk| -> Done {
            let next = at + u64::from(chunk.length());
            self.check_end(next, len)?;
            if let Some(expected) = &self.remote.sha256 {
                hash.update(&chunk.to_vec());
                if next == len {
                    hash.clone().check(self.file.name(), expected.clone())?;
                }
            }
            self.file.write(at, chunk)?;
            at = next;
            self.tell(at)
        })
        .await?;
        self.file.flush()?;
        self.check_all(at, len)
    }

    /// Fetches one part after the other, as long as there are any.
    async fn fetch_parts(&self, first: Option<(usize, Response)>, state: &RefCell<State>) -> Done {
        let (mut next, mut answer) = match first {
            Some((part, response)) => (Some(part), Some(response)),
            None => (state.borrow_mut().queue.pop_front(), None),
        };
        while let Some(part) = next {
            self.fetch_part(part, answer.take(), state).await?;
            // The mark is on the disk after the part, whatever happens in between.
            self.file.flush()?;
            let (at, mark) = state.borrow_mut().parts.add(part);
            self.file.write(at, &Uint8Array::from(&mark[..]))?;
            self.hash_on(&mut state.borrow_mut(), HASHED_AT_ONCE)?;
            next = state.borrow_mut().queue.pop_front();
        }
        Ok(())
    }

    /// Fetches a part, and where the connection breaks off, the rest of it.
    async fn fetch_part(
        &self,
        part: usize,
        mut answer: Option<Response>,
        state: &RefCell<State>,
    ) -> Done {
        let range = state.borrow().parts.range(part);
        let mut at = range.start;
        let mut pauses = PAUSES.iter();
        loop {
            let fetched = self.fetch_rest(&mut at, range.end, answer.take(), state).await;
            match (fetched, pauses.next()) {
                (Err(Failure::Download(error)), Some(time)) if is_broken(&error) => {
                    pause(*time).await;
                }
                (fetched, _) => return fetched,
            }
        }
    }

    /// Takes what lies from `at` on out of an answer.
    async fn fetch_rest(
        &self,
        at: &mut u64,
        end: u64,
        answer: Option<Response>,
        state: &RefCell<State>,
    ) -> Done {
        let response = match answer {
            Some(response) => response,
            None => self.fetch(Some((*at, Some(end)))).await?,
        };
        if response.status() != 206 {
            return Err(self.refused("the server sends parts of it no more").into());
        }
        http::stream(self.file.name(), &response, |chunk| -> Done {
            let next = *at + u64::from(chunk.length());
            self.check_end(next, end)?;
            self.file.write(*at, chunk)?;
            *at = next;
            let done = state.borrow().done + u64::from(chunk.length());
            state.borrow_mut().done = done;
            self.tell(done)
        })
        .await?;
        self.check_all(*at, end)
    }

    /// Hashes on, at most so many parts, as far as they are here.
    fn hash_on(&self, state: &mut State, parts: usize) -> Done {
        if self.remote.sha256.is_none() {
            return Ok(());
        }
        let end = state.hashed.saturating_add(parts);
        while state.hashed < end && state.parts.has(state.hashed) {
            self.file.hash(&mut state.hash, state.parts.range(state.hashed))?;
            state.hashed += 1;
        }
        Ok(())
    }

    fn tell(&self, done: u64) -> Done {
        Ok((self.progress.borrow_mut())(done, self.remote.bytes)?)
    }

    /// Refuses bytes that go beyond what was asked for.
    fn check_end(&self, next: u64, end: u64) -> Done {
        if next <= end {
            Ok(())
        } else {
            Err(self.refused("the server sends more of it than it said").into())
        }
    }

    /// Refuses an answer that ended too early.
    fn check_all(&self, at: u64, end: u64) -> Done {
        // What came is kept, and goes on from there.
        if at == end { Ok(()) } else { Err(cut_short(self.file, at, (end - at) as usize).into()) }
    }

    fn refused(&self, why: &str) -> Error {
        let (file, why) = (self.file.name().to_owned(), why.to_owned());
        Error::new(ErrorKind::BadFile { file, why })
            .hint("the file there may have changed: remove the model and add it again")
    }
}

/// True if asking again may help.
fn is_broken(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Io { .. } | ErrorKind::Truncated { .. })
}

async fn pause(time: Duration) {
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let millis = time.as_millis() as i32;
    let passed = Promise::new(&mut |resolve, reject| {
        let set = scope.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, millis);
        if set.is_err() {
            let _ = reject.call0(&JsValue::NULL);
        }
    });
    // Without a timer it is tried at once.
    let _ = JsFuture::from(passed).await;
}
