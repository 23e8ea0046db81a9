//! Weights files, with progress told and damaged copies forgotten.

use std::rc::Rc;

use crate::error::{ErrorKind, Result};
use crate::graph::event::Phase;
use crate::graph::{Context, Event};
use crate::models::clip::TOKEN_TABLE;
use crate::nodes::Environment;
use crate::store::{ByteSource, Progress};
use crate::weights::safetensors::TensorInfo;
use crate::weights::{Weights, WeightsFile};

/// All tensors of the file at `path` of the models folder, and the memory they take on the device.
pub(in crate::nodes) async fn load_weights(
    cx: &Context<'_>,
    path: &str,
) -> Result<(Weights, usize)> {
    let weights = load_file(cx, path, &[TOKEN_TABLE]).await?;
    let bytes = weights.device_bytes();
    Ok((weights, bytes))
}

/// All tensors of the file at `path`; those whose name ends in one of `host_tables` stay on the host.
pub(in crate::nodes) async fn load_file(
    cx: &Context<'_>,
    path: &str,
    host_tables: &[&str],
) -> Result<Weights> {
    read(cx, path, async |source, progress| {
        let env: &Environment = cx.env();
        open(env, source).await?.load(&env.device, host_tables, progress).await
    })
    .await
}

/// Reads a file's header. Where memory has no room for its weights they will be read as they are used.
pub(in crate::nodes) async fn open<'a>(
    env: &Environment,
    source: &'a Rc<dyn ByteSource>,
) -> Result<WeightsFile<'a>> {
    let file = WeightsFile::open(&**source).await?;
    let numbers = |tensor: &TensorInfo| tensor.shape.iter().map(|side| *side as u64).product();
    let bytes = file.tensors().iter().map(numbers).fold(0_u64, u64::saturating_add);
    let is_large = bytes.saturating_mul(4) > env.held_weights_bytes();
    Ok(if is_large && source.reads_now() { file.later(source.clone()) } else { file })
}

/// Opens the file at `path` and has `load` read it, which is handed the file and whom to tell of progress.
pub(in crate::nodes) async fn read<T>(
    cx: &Context<'_>,
    path: &str,
    load: impl AsyncFnOnce(&Rc<dyn ByteSource>, Progress<'_>) -> Result<T>,
) -> Result<T> {
    let env: &Environment = cx.env();
    let tell = |phase, loaded, total| {
        cx.emit(Event::ModelProgress { file: path.to_owned(), loaded, total, phase });
        cx.check_cancelled()
    };
    let source =
        env.store.open(path, &mut |loaded, total| tell(Phase::Fetch, loaded, total)).await?;
    cx.checkpoint().await?;
    let loaded = load(&source, &mut |loaded, total| tell(Phase::Load, loaded, total)).await;
    drop(source);
    if let Err(error) = &loaded
        && matches!(error.kind(), ErrorKind::HashMismatch { .. } | ErrorKind::Truncated { .. })
    {
        // A damaged stored copy would fail every time: forget it, so that trying again can help.
        env.store.discard(path).await;
    }
    let loaded = loaded?;
    cx.checkpoint().await?;
    Ok(loaded)
}
