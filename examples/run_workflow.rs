//! Runs a ComfyUI workflow file (API format) against a models folder, without a browser.
//!
//! ```sh
//! cargo run --release --example run_workflow -- FILE.json --models DIR --out DIR [--input DIR] [--device cpu|webgpu]
//! ```
//!
//! Pictures and latents are written to `--out` as they are made; `--input` is where `LoadImage` and
//! `LoadLatent` look. Ends with 1 if the workflow was refused or failed, with 2 for wrong usage.

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
use tintype::graph::event::File;
use tintype::graph::{Event, Host, RunError};
use tintype::store::native::FolderStore;

const USAGE: &str =
    "usage: run_workflow FILE.json --models DIR --out DIR [--input DIR] [--device cpu|webgpu]";

struct Arguments {
    workflow: PathBuf,
    models: PathBuf,
    out: PathBuf,
    input: Option<PathBuf>,
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
    let mut device = DeviceKind::Cpu;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value"));
        match arg.as_str() {
            "--models" => models = Some(PathBuf::from(value()?)),
            "--out" => out = Some(PathBuf::from(value()?)),
            "--input" => input = Some(PathBuf::from(value()?)),
            "--device" => device = DeviceKind::from_name(&value()?)?,
            flag if flag.starts_with('-') => return Err(format!("unknown option `{flag}`").into()),
            file => workflow = Some(PathBuf::from(file)),
        }
    }
    Ok(Arguments {
        workflow: workflow.ok_or("no workflow file")?,
        models: models.ok_or("`--models` is missing")?,
        out: out.ok_or("`--out` is missing")?,
        input,
        device,
    })
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { workflow, models, out, input, device } = arguments;
    let prompt =
        fs::read_to_string(workflow).map_err(|e| format!("{}: {e}", workflow.display()))?;
    let engine = Engine::open(*device, Rc::new(FolderStore::new(models)), |_| {}).await?;
    eprintln!("device: {}", engine.device_info().name);
    if let Some(input) = input {
        for (name, path) in files(input)? {
            engine.environment().put_input(&name, fs::read(path)?);
        }
    }
    for (name, _) in files(out).unwrap_or_default() {
        engine.environment().note_output(&name);
    }
    let host = NativeHost { out, failure: RefCell::new(None) };
    let request = RunRequest { prompt_id: "native".into(), ..RunRequest::default() };
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
