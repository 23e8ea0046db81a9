//! The JavaScript face of the engine: convert, call, convert.
//!
//! One [`Engine`] lives in one dedicated worker; the TypeScript beside the page talks to it in messages.
//! The only Rust, with `store::web`, that names JavaScript values. No logic here.

mod convert;
mod error;
mod host;
mod js_node;
#[cfg(feature = "parity")]
mod parity;

use std::rc::Rc;

use js_sys::Function;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wasm_bindgen::prelude::*;

use self::convert::{from_js, js_from_json, to_js};
use self::error::{js_error, js_run_error};
use self::host::WorkerHost;
use self::js_node::JsNode;
use crate::device::{self, DeviceKind};
use crate::engine::{self, RunRequest};
use crate::error::ErrorKind;
use crate::formats::comfy_api;
use crate::nodes::{self, Desktop, Precision, Previews, WeightFormat};
use crate::prompt::{dynamic, midjourney};
use crate::store::web::{BlobSource, HttpSource, WebStore};

/// The device this build is for.
const DEVICE: DeviceKind =
    if cfg!(feature = "webgpu") { DeviceKind::WebGpu } else { DeviceKind::Cpu };

/// The engine.
#[wasm_bindgen]
pub struct Engine {
    inner: Option<Rc<engine::Engine>>,
    store: Rc<WebStore>,
    host: WorkerHost,
    keeps_models: bool,
}

#[derive(Deserialize)]
struct OpenOptions {
    models_url: String,
    storage: String,
    noise: String,
    previews: String,
    weights: String,
    precision: String,
}

#[derive(Default, Deserialize)]
struct JsRunOptions {
    prompt_id: String,
    outputs: Option<Vec<String>>,
    workflow: Option<String>,
}

#[derive(Serialize)]
struct JsDeviceInfo<'a> {
    device: &'static str,
    name: &'a str,
    f16: bool,
    max_buffer_bytes: f64,
    keeps_models: bool,
}

#[wasm_bindgen]
impl Engine {
    /// Opens the device and the model store.
    pub async fn open(options: JsValue) -> Result<Engine, JsValue> {
        console_error_panic_hook::set_once();
        let on_device_error = js_sys::Reflect::get(&options, &"on_device_error".into())?;
        let OpenOptions { models_url, storage, noise, previews, weights, precision } =
            from_js(&options)?;
        let noise = Desktop::from_name(&noise).map_err(|error| js_error(&error))?;
        let previews = Previews::from_name(&previews).map_err(|error| js_error(&error))?;
        let weights = WeightFormat::from_name(&weights).map_err(|error| js_error(&error))?;
        let precision = Precision::from_name(&precision).map_err(|error| js_error(&error))?;
        let store = Rc::new(WebStore::open(&models_url, storage == "opfs").await);
        let keeps_models = store.keeps();
        let on_fault = move |message: &str| {
            if let Some(listener) = on_device_error.dyn_ref::<Function>() {
                // A listener that throws must not take the engine with it.
                let _ = listener.call1(&JsValue::NULL, &message.into());
            }
        };
        let inner = engine::Engine::open(DEVICE, store.clone(), on_fault).await;
        let inner = inner.map_err(|error| js_error(&error))?;
        if precision == Precision::Full {
            device::keep_halves(false);
        }
        inner.environment().set_noise(noise);
        inner.environment().set_previews(previews);
        inner.environment().set_weight_format(weights);
        let inner = Some(Rc::new(inner));
        Ok(Self { inner, store, host: WorkerHost::default(), keeps_models })
    }

    /// `cpu` or `webgpu`.
    #[wasm_bindgen(getter)]
    pub fn device(&self) -> String {
        DEVICE.name().to_owned()
    }

    /// What is known of the device.
    pub fn device_info(&self) -> Result<JsValue, JsValue> {
        let inner = self.inner()?;
        let info = inner.device_info();
        to_js(&JsDeviceInfo {
            device: info.kind.name(),
            name: &info.name,
            f16: info.f16,
            max_buffer_bytes: info.max_buffer_bytes as f64,
            keeps_models: self.keeps_models,
        })
    }

    /// All node classes, in the shape of ComfyUI's `object_info`.
    pub fn object_info(&self) -> Result<JsValue, JsValue> {
        js_from_json(&self.inner()?.object_info())
    }

    /// Reads a file that holds a graph. Graphs come back as text: seeds are longer than JavaScript's numbers.
    pub fn read(&self, file: &[u8]) -> Result<JsValue, JsValue> {
        let opened = self.inner()?.read(file).map_err(|error| js_error(&error))?;
        let app = opened
            .app
            .map(|app| json!({ "inputs": app.inputs, "outputs": app.outputs, "first": app.first }));
        js_from_json(&json!({
            "prompt": comfy_api::json_from_graph(&opened.graph).to_string(),
            "workflow": opened.workflow.map(|workflow| workflow.to_string()),
            "notices": opened.notices,
            "app": app,
        }))
    }

    /// What is wrong with a graph, by node.
    pub fn validate(&self, prompt: &str) -> Result<JsValue, JsValue> {
        let errors = self.inner()?.validate(prompt).map_err(|error| js_run_error(&error))?;
        js_from_json(&errors)
    }

    /// What a graph will take.
    pub async fn plan(&self, prompt: String) -> Result<JsValue, JsValue> {
        let inner = self.inner()?;
        let plan = inner.plan(&prompt).await.map_err(|error| js_error(&error))?;
        js_from_json(&plan)
    }

    /// How long a prompt is for a checkpoint.
    pub async fn prompt_length(
        &self,
        checkpoint: String,
        text: String,
    ) -> Result<JsValue, JsValue> {
        let inner = self.inner()?;
        let length = inner.prompt_length(&checkpoint, &text).await;
        to_js(&length.map_err(|error| js_error(&error))?)
    }

    /// Runs a graph; `on_event` hears of everything on the way.
    pub async fn run(
        &self,
        prompt: String,
        options: JsValue,
        on_event: Function,
    ) -> Result<JsValue, JsValue> {
        let inner = self.inner()?;
        let options: JsRunOptions = from_js(&options)?;
        let workflow = options.workflow.map(|text| serde_json::from_str(&text)).transpose();
        let workflow = workflow.map_err(|error| {
            let why = error.to_string();
            js_error(&ErrorKind::BadFile { file: "workflow".into(), why }.into())
        })?;
        let host = self.host.begin(on_event);
        let request =
            RunRequest { prompt_id: options.prompt_id, outputs: options.outputs, workflow };
        let report = inner.run(&prompt, request, &host).await;
        js_from_json(&report.map_err(|error| js_run_error(&error))?)
    }

    /// Takes the comments out of a prompt and draws from its choices and wildcards (lines by name): the
    /// same for the same seed.
    pub fn expand_prompt(
        &self,
        text: &str,
        seed: u64,
        wildcards: JsValue,
    ) -> Result<JsValue, JsValue> {
        let expanded = dynamic::expand(text, seed, &from_js(&wildcards)?);
        let expanded = expanded.map_err(|error| js_error(&error))?;
        js_from_json(&json!({ "text": expanded.text, "unknown": expanded.unknown }))
    }

    /// Every text that `expand_prompt` might draw; refused if they are more than `limit`.
    pub fn combinations(
        &self,
        text: &str,
        wildcards: JsValue,
        limit: u32,
    ) -> Result<JsValue, JsValue> {
        let all = dynamic::combinations(text, &from_js(&wildcards)?, limit as usize);
        js_from_json(&all.map_err(|error| js_error(&error))?)
    }

    /// The settings that MidJourney's prompt stands for, one for each permutation; the rest is as given.
    pub fn midjourney(
        &self,
        text: &str,
        width: u32,
        height: u32,
        steps: u32,
    ) -> Result<JsValue, JsValue> {
        let all = midjourney::translate(text, midjourney::Base { width, height, steps });
        js_from_json(&all.map_err(|error| js_error(&error))?)
    }

    /// Ends the run within one step; without a run, does nothing.
    pub fn cancel(&self) {
        self.host.cancel();
    }

    /// Makes a file known to the nodes that load one.
    pub fn put_input(&self, filename: &str, bytes: Vec<u8>) -> Result<(), JsValue> {
        self.inner()?.environment().put_input(filename, bytes);
        Ok(())
    }

    /// Says what a file of weights is, reading its header only.
    pub async fn identify(&self, name: String, file: web_sys::Blob) -> Result<JsValue, JsValue> {
        let source = BlobSource::new(name, file);
        let identity = nodes::identify(&source).await.map_err(|error| js_error(&error))?;
        to_js(&identity)
    }

    /// Adds a file of the person's own to the models, under this path.
    pub fn add_model(&self, path: &str, file: web_sys::Blob) {
        self.store.add(path, file);
    }

    /// As `identify`, for a file on a server, of which the header is fetched.
    pub async fn identify_remote(&self, name: String, remote: JsValue) -> Result<JsValue, JsValue> {
        let source = HttpSource::new(name, from_js(&remote)?);
        let identity = nodes::identify(&source).await.map_err(|error| js_error(&error))?;
        to_js(&identity)
    }

    /// As `add_model`, for a file on a server, which is fetched when it is first used.
    pub fn add_remote_model(&self, path: &str, remote: JsValue) -> Result<(), JsValue> {
        self.store.add_remote(path, from_js(&remote)?);
        Ok(())
    }

    /// Forgets a file of the person's own, with what was kept of it. False if there is none of this path.
    pub async fn remove_model(&self, path: String) -> bool {
        let store = self.store.clone();
        store.forget(&path).await
    }

    /// Adds a node class whose work is a JavaScript function; another one may say what the result depends
    /// on besides the inputs.
    pub fn register_node(
        &self,
        definition: JsValue,
        run: Function,
        fingerprint: Option<Function>,
    ) -> Result<(), JsValue> {
        let node = JsNode::new(&definition, run, fingerprint)?;
        self.inner()?.register(Rc::new(node));
        Ok(())
    }

    /// Frees everything; other calls are refused from now on.
    pub fn close(&mut self) {
        self.host.cancel();
        self.inner = None;
    }

    fn inner(&self) -> Result<Rc<engine::Engine>, JsValue> {
        let closed = || {
            let error = crate::error::Error::new(ErrorKind::Closed);
            js_error(&error.hint("open another one"))
        };
        self.inner.clone().ok_or_else(closed)
    }
}
