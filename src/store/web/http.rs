//! Byte ranges over HTTP.

use std::cell::RefCell;

use futures_util::future::LocalBoxFuture;
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Blob, Headers, ReadableStreamDefaultReader, Request, RequestCache, RequestInit,
    Response, WorkerGlobalScope,
};

use super::{Remote, message};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{ByteSource, bundled, cut_short};

/// Fetched at a time: tensors lie one after the other, and most are small.
const WINDOW_BYTES: u64 = 4 << 20;

/// A file on a server, read by ranges.
pub struct HttpSource {
    name: String,
    remote: Remote,
    window: RefCell<Option<Window>>,
}

/// Bytes that are here already.
enum Window {
    Range {
        start: u64,
        bytes: Vec<u8>,
    },
    /// The server knows no ranges and sent everything: the browser holds it, outside the engine's memory.
    Whole(Blob),
}

impl HttpSource {
    /// `name` is what errors call it.
    pub fn new(name: String, remote: Remote) -> Self {
        Self { name, remote, window: RefCell::new(None) }
    }

    async fn range(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        if offset.saturating_add(len as u64) > self.remote.bytes {
            return Err(cut_short(self, offset, len));
        }
        if let Some(bytes) = self.from_window(offset, len).await? {
            return Ok(bytes);
        }
        let end = self.remote.bytes.min(offset + WINDOW_BYTES.max(len as u64));
        let response = fetch(&self.name, &self.remote, Some((offset, Some(end))), None).await?;
        let window = if response.status() == 206 {
            let buffer = promised(&self.name, response.array_buffer()).await?;
            Window::Range { start: offset, bytes: Uint8Array::new(&buffer).to_vec() }
        } else {
            let blob = promised(&self.name, response.blob()).await?;
            Window::Whole(blob.unchecked_into())
        };
        *self.window.borrow_mut() = Some(window);
        let bytes = self.from_window(offset, len).await?;
        bytes.ok_or_else(|| cut_short(self, offset, len))
    }

    async fn from_window(&self, offset: u64, len: usize) -> Result<Option<Vec<u8>>> {
        let slice = match &*self.window.borrow() {
            None => return Ok(None),
            Some(Window::Range { start, bytes }) => {
                let from = offset.checked_sub(*start).map(|from| from as usize);
                return Ok(from.and_then(|from| bytes.get(from..from + len)).map(<[u8]>::to_vec));
            }
            Some(Window::Whole(blob)) => {
                if (blob.size() as u64) < offset + len as u64 {
                    return Ok(None);
                }
                blob.slice_with_f64_and_f64(offset as f64, (offset + len as u64) as f64)
            }
        };
        let slice = slice.map_err(|error| io(&self.name, &error))?;
        let buffer = promised(&self.name, Ok(slice.array_buffer())).await?;
        Ok(Some(Uint8Array::new(&buffer).to_vec()))
    }
}

impl ByteSource for HttpSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.remote.bytes
    }

    fn sha256(&self) -> Option<String> {
        self.remote.sha256.clone().or_else(|| bundled(&self.name).map(|(_, sha256)| sha256))
    }

    fn read(&self, offset: u64, len: usize) -> LocalBoxFuture<'_, Result<Vec<u8>>> {
        Box::pin(self.range(offset, len))
    }

    fn reads_now(&self) -> bool {
        false
    }

    fn read_now(&self, _offset: u64, _len: usize) -> Result<Vec<u8>> {
        Err(ErrorKind::Io { file: self.name.clone(), cause: "it is on a server".to_owned() }.into())
    }
}

/// Asks for a file, or for the bytes from the first to before the second number.
///
/// With a signal, the answer is for a file that is kept and may be given up.
pub(super) async fn fetch(
    name: &str,
    remote: &Remote,
    range: Option<(u64, Option<u64>)>,
    keeping: Option<&AbortSignal>,
) -> Result<Response> {
    let init = RequestInit::new();
    init.set_signal(keeping);
    if keeping.is_some() && matches!(range, Some((_, Some(_)))) {
        // The browser's cache would hold a second copy, and has requests for parts of one file wait for each other.
        init.set_cache(RequestCache::NoStore);
    }
    let headers = Headers::new().map_err(|error| io(name, &error))?;
    if let Some((start, end)) = range {
        let end = end.map_or_else(String::new, |end| (end - 1).to_string());
        headers.set("Range", &format!("bytes={start}-{end}")).map_err(|error| io(name, &error))?;
    }
    if let Some(token) = &remote.token {
        let bearer = format!("Bearer {token}");
        headers.set("Authorization", &bearer).map_err(|error| io(name, &error))?;
    }
    init.set_headers(&headers);
    let request = Request::new_with_str_and_init(&remote.url, &init);
    let request = request.map_err(|error| io(name, &error))?;
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let response = JsFuture::from(scope.fetch_with_request(&request)).await.map_err(|error| {
        io(name, &error).hint("check the network connection, and that the server runs and lets this page read from it (CORS)")
    })?;
    let response: Response = response.unchecked_into();
    match response.status() {
        200..=299 => {
            check_version(name, remote, &response)?;
            check_range(name, remote, range, &response)?;
            Ok(response)
        }
        404 => Err(Error::new(ErrorKind::FileNotFound { file: name.to_owned() })
            .hint("the server has no such file: check the address; if it is one of the page's own, build the page again")),
        status => {
            let cause = format!("the server answered {status} {}", response.status_text());
            let error = Error::new(ErrorKind::Io { file: name.to_owned(), cause });
            Err(match status {
                401 | 403 => error.hint("the server wants to know you: add the model again, with a token of yours that may read it"),
                _ => error,
            })
        }
    }
}

/// Refuses another version of a file than was added. A hash is surer, where there is one.
fn check_version(name: &str, remote: &Remote, response: &Response) -> Result<()> {
    let told = response.headers().get("etag").ok().flatten();
    match (&remote.sha256, &remote.etag, told) {
        // A weak tag is the same file, packed.
        (None, Some(known), Some(told))
            if known.trim_start_matches("W/") != told.trim_start_matches("W/") =>
        {
            let why = "the server has another version of it now than when it was added".to_owned();
            Err(Error::new(ErrorKind::BadFile { file: name.to_owned(), why })
                .hint("remove the model and add it again"))
        }
        _ => Ok(()),
    }
}

/// Refuses a part that is not the one asked for. Not every server lets a page see which it is.
fn check_range(
    name: &str,
    remote: &Remote,
    range: Option<(u64, Option<u64>)>,
    response: &Response,
) -> Result<()> {
    let told = response.headers().get("content-range").ok().flatten();
    let (Some((start, end)), 206, Some(told)) = (range, response.status(), told) else {
        return Ok(());
    };
    let all = remote.bytes;
    let expected = format!("bytes {start}-{}/{all}", end.unwrap_or(all) - 1);
    if told == expected || told == expected.replace(&format!("/{all}"), "/*") {
        return Ok(());
    }
    let why = format!("the server sent `{told}` of it where `{expected}` was asked for");
    Err(Error::new(ErrorKind::BadFile { file: name.to_owned(), why })
        .hint("the file there may have changed: remove the model and add it again"))
}

/// Hands a response's body to `take`, chunk by chunk.
pub(super) async fn stream<E: From<Error>>(
    name: &str,
    response: &Response,
    mut take: impl FnMut(&Uint8Array) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let body =
        response.body().ok_or_else(|| io(name, &JsValue::from_str("the answer is empty")))?;
    let reader = ReadableStreamDefaultReader::new(&body).map_err(|error| io(name, &error))?;
    loop {
        let part = JsFuture::from(reader.read()).await.map_err(|error| {
            io(name, &error)
                .hint("the connection broke off: try again, it goes on where it stopped")
        })?;
        let get = |key: &str| js_sys::Reflect::get(&part, &JsValue::from_str(key));
        if get("done").is_ok_and(|done| done.is_truthy()) {
            return Ok(());
        }
        let chunk = get("value").map_err(|error| io(name, &error))?;
        take(&chunk.unchecked_into())?;
    }
}

async fn promised(
    name: &str,
    promise: std::result::Result<js_sys::Promise, JsValue>,
) -> Result<JsValue> {
    let promise = promise.map_err(|error| io(name, &error))?;
    JsFuture::from(promise).await.map_err(|error| io(name, &error))
}

fn io(name: &str, error: &JsValue) -> Error {
    ErrorKind::Io { file: name.to_owned(), cause: message(error) }.into()
}
