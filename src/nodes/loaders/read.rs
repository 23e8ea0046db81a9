//! Weights files, with progress told and damaged copies forgotten.

use std::rc::Rc;

use crate::error::{ErrorKind, Result};
use crate::graph::event::Phase;
use crate::graph::{Context, Event};
use crate::models::clip::TOKEN_TABLE;
use crate::nodes::{Environment, WeightFormat};
use crate::store::{ByteSource, Progress};
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

/// As [`load_weights`], of a denoising network: in eight bits, if the environment keeps them so.
pub(super) async fn load_unet(cx: &Context<'_>, path: &str) -> Result<(Weights, usize)> {
    let format = cx.env::<Environment>().weight_format();
    let weights = read(cx, path, async |source, progress| {
        let env: &Environment = cx.env();
        open_as(env, source, format).await?.load(&env.device, &[], progress).await
    })
    .await?;
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

/// Reads a file's header, and says which of its weights will be read as they are used.
pub(in crate::nodes) async fn open<'a>(
    env: &Environment,
    source: &'a Rc<dyn ByteSource>,
) -> Result<WeightsFile<'a>> {
    open_as(env, source, WeightFormat::Default).await
}

/// As [`open`], and denoising networks in it will be kept in this format.
pub(super) async fn open_as<'a>(
    env: &Environment,
    source: &'a Rc<dyn ByteSource>,
    format: WeightFormat,
) -> Result<WeightsFile<'a>> {
    let eight_bits = format == WeightFormat::EightBits;
    let file = WeightsFile::open(&**source).await?.eight_bits(eight_bits);
    Ok(placed(env, file, source, source.reads_now()))
}

/// Says which weights of a file stay in it: all where memory has no room for them, those of encoders where they are large,
/// since they are needed for each new prompt or picture to begin with only and not while pictures are drawn.
///
/// `reads_now` says whether the file can be read without waiting when it is here.
pub(in crate::nodes) fn placed<'a>(
    env: &Environment,
    file: WeightsFile<'a>,
    source: &Rc<dyn ByteSource>,
    reads_now: bool,
) -> WeightsFile<'a> {
    if !reads_now {
        file
    } else if file.held_bytes(&env.device) > env.held_weights_bytes() {
        file.later(source.clone())
    } else if file.encoder_bytes(&[TOKEN_TABLE]) > env.held_encoder_bytes() {
        file.encoders_later(source.clone())
    } else {
        file
    }
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
    env.make_room().await?;
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
