//! Runs a workflow file against a models folder, without a browser.
//!
//! ```sh
//! cargo run --release --example run_workflow -- FILE --models DIR --out DIR [--input DIR] [--device cpu|webgpu]
//!     [--checkpoint NAME] [--image FILE] [--max-side N]
//! ```
//!
//! The file is any that the engine opens: ComfyUI's API or UI format, a picture that carries one of them or an
//! infotext, an infotext, a pipeline in YAML. Pictures and latents are written to `--out` as they are made;
//! `--input` is where `LoadImage` and `LoadLatent` look.
//!
//! To try a file made elsewhere, `--checkpoint` stands for every checkpoint it names, `--image` for every
//! picture it loads, and `--max-side` makes every `width` and `height` above N to N, which keeps a trial short.
//!
//! Ends with 1 if the workflow was refused or failed, with 2 for wrong usage.

mod stand_in;

use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::LocalBoxFuture;
use tintype::device::DeviceKind;
use tintype::engine::{Engine, RunRequest};
use tintype::formats::comfy_api;
use tintype::graph::event::File;
use tintype::graph::{Event, Host, RunError};
use tintype::store::native::FolderStore;

use stand_in::StandIns;

const USAGE: &str = "usage: run_workflow FILE --models DIR --out DIR [--input DIR] [--device cpu|webgpu]\n    \
    [--checkpoint NAME] [--image FILE] [--max-side N]";

struct Arguments {
    workflow: PathBuf,
    models: PathBuf,
    out: PathBuf,
    input: Option<PathBuf>,
    image: Option<PathBuf>,
    stand_ins: StandIns,
    device: DeviceKind,
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match pollster::block_on(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (mut workflow, mut models, mut out, mut input) = (None, None, None, None);
    let (mut image, mut stand_ins) = (None, StandIns::default());
    let mut device = DeviceKind::Cpu;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value"));
        match arg.as_str() {
            "--models" => models = Some(PathBuf::from(value()?)),
            "--out" => out = Some(PathBuf::from(value()?)),
            "--input" => input = Some(PathBuf::from(value()?)),
            "--device" => device = DeviceKind::from_name(&value()?)?,
            "--checkpoint" => stand_ins.checkpoint = Some(value()?),
            "--image" => image = Some(PathBuf::from(value()?)),
            "--max-side" => stand_ins.max_side = Some(value()?.parse()?),
            flag if flag.starts_with('-') => return Err(format!("unknown option `{flag}`").into()),
            file => workflow = Some(PathBuf::from(file)),
        }
    }
    if let Some(image) = &image {
        let name = image.file_name().ok_or("`--image` needs a file")?;
        stand_ins.image = Some(name.to_string_lossy().into_owned());
    }
    Ok(Arguments {
        workflow: workflow.ok_or("no workflow file")?,
        models: models.ok_or("`--models` is missing")?,
        out: out.ok_or("`--out` is missing")?,
        input,
        image,
        stand_ins,
        device,
    })
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { workflow, models, out, input, image, stand_ins, device } = arguments;
    let engine = Engine::open(*device, Rc::new(FolderStore::new(models)), |_| {}).await?;
    eprintln!("device: {}", engine.device_info().name);
    let mut opened = engine.read(&read(workflow)?)?;
    for notice in &opened.notices {
        eprintln!("notice: {notice}");
    }
    if *stand_ins != StandIns::default() {
        stand_ins.put_into(&mut opened.graph);
        // It would say something else than what ran.
        opened.workflow = None;
    }
    if let Some(input) = input {
        for (name, path) in files(input)? {
            engine.environment().put_input(&name, read(&path)?);
        }
    }
    if let (Some(path), Some(name)) = (image, &stand_ins.image) {
        engine.environment().put_input(name, read(path)?);
    }
    for (name, _) in files(out).unwrap_or_default() {
        engine.environment().note_output(&name);
    }
    let host = NativeHost { out, failure: RefCell::new(None) };
    let request = RunRequest {
        prompt_id: "native".into(),
        workflow: opened.workflow,
        ..RunRequest::default()
    };
    let prompt = comfy_api::write(&opened.graph);
    let report = engine.run(&prompt, request, &host).await.map_err(explained)?;
    if let Some(failure) = host.failure.take() {
        return Err(failure.into());
    }
    for (node, error) in report.node_errors.iter() {
        for problem in &error.errors {
            eprintln!("left out: node {node} ({}): {problem}", error.class_type);
        }
    }
    Ok(())
}

/// Every problem of a refused workflow, one a line.
fn explained(error: RunError) -> String {
    let RunError::Refused(refusal) = &error else { return error.to_string() };
    let problems = refusal.node_errors.iter().flat_map(|(id, node)| {
        node.errors
            .iter()
            .map(move |problem| format!("\n  node {id} ({}): {problem}", node.class_type))
    });
    format!("{refusal}{}", problems.collect::<String>())
}

fn read(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?)
}

/// Files below a folder, by their path in it.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(|e| format!("{}: {e}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
                found.push((name, path));
            }
        }
    }
    Ok(found)
}

struct NativeHost<'a> {
    out: &'a Path,
    failure: RefCell<Option<String>>,
}

impl NativeHost<'_> {
    fn write(&self, file: &File) -> std::io::Result<()> {
        let folder = self.out.join(&file.subfolder);
        fs::create_dir_all(&folder)?;
        let path = folder.join(&file.filename);
        fs::write(&path, &file.bytes)?;
        eprintln!("wrote {}", path.display());
        Ok(())
    }
}

impl Host for NativeHost<'_> {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }

    #[expect(clippy::disallowed_methods, reason = "a native program has a clock")]
    fn now_millis(&self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64() * 1000.0)
    }

    fn emit(&self, event: Event) {
        match event {
            Event::File { file, .. } => {
                if let Err(error) = self.write(&file) {
                    self.failure.replace(Some(format!("{}: {error}", file.filename)));
                }
            }
            Event::Progress { value, max, node, .. } => eprintln!("node {node}: {value}/{max}"),
            Event::Notice { message, .. } => eprintln!("notice: {message}"),
            _ => {}
        }
    }

    fn cancelled(&self) -> bool {
        // A file that cannot be written is a full disk: no use in painting on.
        self.failure.borrow().is_some()
    }
}
