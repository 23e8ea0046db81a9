//! From a UI workflow to the graph that runs.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::super::{MAX_NODES, bad, kind};
use super::parse::{INPUT_NODE, Mode, Node, Sheet, Slot, list, text};
use super::widgets::named_values;
use super::{App, groups};
use crate::error::Result;
use crate::graph::{Graph, InputValue, NodeSpec, Registry};

/// Subgraphs inside subgraphs; the official files have four levels at most.
const MAX_DEPTH: usize = 64;
/// Reroutes, bypassed nodes and borders that one link may pass.
const MAX_HOPS: usize = 1000;
/// Stands for a subgraph itself where its own widgets are listed.
const SELF: &str = "-1";

/// A UI workflow, read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Read {
    /// The nodes that run.
    pub graph: Graph,
    /// What a simple view of it shows, by ids of `graph`.
    pub app: Option<App>,
    /// What did not come through, each naming a node.
    pub notices: Vec<String>,
}

/// Reads a UI workflow, schema 0.4 or 1.0.
///
/// The classes of `registry` say which values belong to which widget. A node of any other class keeps
/// its links, and validation refuses it by name.
///
/// # Errors
///
/// If it is no UI workflow, has too many nodes, two nodes of one id, subgraphs that contain themselves
/// or links that go round in a circle of nodes without work.
pub fn read(workflow: &Json, registry: &Registry) -> Result<Read> {
    let Json::Object(fields) = workflow else {
        return Err(bad(format!("expected an object with `nodes`, got {}", kind(workflow))));
    };
    let mut reader = Reader::new(fields, registry)?;
    reader.open(0, None, String::new())?;
    reader.expand()?;
    let mut read = Read::default();
    for at in 0..reader.scopes.len() {
        reader.write_scope(at, &mut read)?;
    }
    read.app = App::from_workflow(workflow).map(|app| reader.inner_app(app));
    Ok(read)
}

struct Reader<'a> {
    registry: &'a Registry,
    /// The file itself, then each definition.
    sheets: Vec<Sheet<'a>>,
    /// Which sheet a class stands for, and the group node's definition if it is one.
    by_class: HashMap<String, (usize, Option<&'a Json>)>,
    scopes: Vec<Scope<'a>>,
    nodes: usize,
}

/// One use of a sheet.
struct Scope<'a> {
    sheet: usize,
    /// In front of the ids of its nodes.
    prefix: String,
    parent: Option<Parent>,
    depth: usize,
    /// The scopes inside, by place of their node.
    children: HashMap<usize, usize>,
    /// Values that this use gives to widgets inside, by id of their node.
    values: HashMap<String, Vec<(String, &'a Json)>>,
}

/// The node that a scope is the inside of.
#[derive(Clone)]
struct Parent {
    scope: usize,
    node: usize,
    /// Which of its slots feeds which input of the subgraph.
    slots: Vec<Option<usize>>,
}

/// What a link brings.
enum Source<'a> {
    Output(String, usize),
    Value(&'a Json),
    /// And why, where the person did not mean it so.
    Nothing(Option<String>),
}

impl<'a> Reader<'a> {
    fn new(fields: &'a Map<String, Json>, registry: &'a Registry) -> Result<Self> {
        let mut sheets = vec![Sheet::read("the workflow", fields)?];
        let mut by_class = HashMap::new();
        let mut definitions = vec![fields.get("definitions")];
        while let Some(definition) = definitions.pop() {
            for json in list(definition.and_then(|found| found.get("subgraphs"))) {
                let Json::Object(fields) = json else { continue };
                let name = format!("subgraph `{}`", text(json, "name"));
                by_class.insert(text(json, "id").to_owned(), (sheets.len(), None));
                sheets.push(Sheet::read(&name, fields)?);
                definitions.push(fields.get("definitions"));
            }
        }
        let groups = fields.get("extra").and_then(|extra| extra.get("groupNodes"));
        for (name, json) in groups.and_then(Json::as_object).into_iter().flatten() {
            for class in [format!("workflow/{name}"), format!("workflow>{name}")] {
                by_class.insert(class, (sheets.len(), Some(json)));
            }
            sheets.push(groups::sheet(name, json)?);
        }
        Ok(Self { registry, sheets, by_class, scopes: Vec::new(), nodes: 0 })
    }

    fn open(&mut self, sheet: usize, parent: Option<Parent>, prefix: String) -> Result<()> {
        self.nodes += self.sheets[sheet].nodes.len();
        if self.nodes > MAX_NODES {
            return Err(bad(format!("it has more than {MAX_NODES} nodes")));
        }
        let depth = parent.as_ref().map_or(0, |parent| self.scopes[parent.scope].depth + 1);
        if depth > MAX_DEPTH {
            return Err(bad(format!("subgraphs are nested more than {MAX_DEPTH} deep")));
        }
        let mut above = parent.clone();
        while let Some(Parent { scope, .. }) = above {
            if self.scopes[scope].sheet == sheet {
                return Err(bad(format!("{} contains itself", self.sheets[sheet].name)));
            }
            above = self.scopes[scope].parent.clone();
        }
        let values = HashMap::new();
        self.scopes.push(Scope { sheet, prefix, parent, depth, children: HashMap::new(), values });
        Ok(())
    }

    /// Opens every subgraph in use; the list of scopes grows on the way.
    fn expand(&mut self) -> Result<()> {
        let mut scope = 0;
        while scope < self.scopes.len() {
            for at in 0..self.sheet(scope).nodes.len() {
                let node = &self.sheet(scope).nodes[at];
                let Some(&(sheet, group)) = self.by_class.get(node.class) else { continue };
                if node.mode != Mode::Active {
                    continue;
                }
                let slots = fed_by(&node.inputs, &self.sheets[sheet].inputs);
                let prefix = format!("{}{}:", self.scopes[scope].prefix, node.id);
                let values = match group {
                    Some(json) => {
                        groups::values(&self.sheets[sheet], json, node.values, self.registry)
                    }
                    None => self.promoted(scope, node),
                };
                let child = self.scopes.len();
                self.open(sheet, Some(Parent { scope, node: at, slots }), prefix)?;
                for (id, name, value) in values {
                    self.scopes[child].values.entry(id).or_default().push((name, value));
                }
                self.scopes[scope].children.insert(at, child);
            }
            scope += 1;
        }
        Ok(())
    }

    /// What a subgraph's node shows of the widgets inside, with the values it has for them.
    fn promoted(&self, scope: usize, node: &Node<'a>) -> Vec<(String, String, &'a Json)> {
        let widgets = promoted_widgets(node);
        let given = self.scopes[scope].values.get(&node.id);
        let own = |at: usize, name: &str| match node.values {
            Json::Array(values) if values.len() == widgets.len() => values.get(at),
            Json::Object(values) => values.get(name),
            _ => None,
        };
        let value = |at: usize, name: &str| {
            let given = given.and_then(|given| given.iter().find(|(known, _)| *known == name));
            given
                .map(|(_, value)| *value)
                .or_else(|| own(at, name))
                .filter(|value| !value.is_null())
        };
        widgets
            .iter()
            .enumerate()
            .filter_map(|(at, (id, name))| Some((id.clone(), (*name).to_owned(), value(at, name)?)))
            .collect()
    }

    fn sheet(&self, scope: usize) -> &Sheet<'a> {
        &self.sheets[self.scopes[scope].sheet]
    }

    /// Adds the nodes of a scope that run.
    fn write_scope(&self, at: usize, read: &mut Read) -> Result<()> {
        let scope = &self.scopes[at];
        for node in &self.sheet(at).nodes {
            let is_inside = self.by_class.contains_key(node.class);
            if node.mode != Mode::Active || node.is_virtual() || is_inside {
                continue;
            }
            let known = self.registry.get(node.class).map(|class| class.schema());
            if known.is_none() && node.inputs.is_empty() && node.outputs.is_empty() {
                read.notices.push(format!(
                    "{} is not known here and joined to nothing: it is left out",
                    node.label()
                ));
                continue;
            }
            let mut spec = NodeSpec::new(node.class);
            spec.title = node.title.map(str::to_owned);
            spec.source = source_of(node, known.is_none());
            let given = scope.values.get(&node.id).into_iter().flatten();
            for (name, value) in named_values(node, known).iter().chain(given) {
                if !value.is_null() {
                    spec.set(name.as_str(), InputValue::Literal((*value).clone().into()));
                }
            }
            for slot in &node.inputs {
                let Some(link) = &slot.link else { continue };
                match self.follow(at, link)? {
                    Source::Output(id, output) => {
                        spec.set(slot.name, InputValue::Link { node: id.into(), output });
                    }
                    Source::Value(value) if value.is_null() => {}
                    Source::Value(value) => {
                        spec.set(slot.name, InputValue::Literal(value.clone().into()));
                    }
                    Source::Nothing(Some(why)) => {
                        read.notices.push(format!("{}: `{}` {why}", node.label(), slot.name));
                    }
                    Source::Nothing(None) => {}
                }
            }
            read.graph.insert(format!("{}{}", scope.prefix, node.id), spec);
        }
        Ok(())
    }

    /// Where a link really comes from.
    fn follow(&self, scope: usize, link: &str) -> Result<Source<'a>> {
        let (mut scope, mut link) = (scope, link);
        for _ in 0..MAX_HOPS {
            let sheet = self.sheet(scope);
            let Some(origin) = sheet.links.get(link) else {
                let why = format!("is joined to link {link}, which is absent");
                return Ok(Source::Nothing(Some(why)));
            };
            if let (Some(parent), INPUT_NODE) = (&self.scopes[scope].parent, &*origin.node) {
                let outer = &self.sheet(parent.scope).nodes[parent.node];
                let slot = parent.slots.get(origin.slot).copied().flatten();
                match slot.and_then(|slot| outer.inputs[slot].link.as_deref()) {
                    Some(next) => (scope, link) = (parent.scope, next),
                    None => return Ok(self.own_value(scope, origin.slot)),
                }
                continue;
            }
            let Some(at) = sheet.node(&origin.node) else {
                let why = format!("came from node {}, which is absent", origin.node);
                return Ok(Source::Nothing(Some(why)));
            };
            let node = &sheet.nodes[at];
            let next = match (node.mode, node.class) {
                (Mode::Muted, _) => {
                    let why = format!("came from {}, which is muted", node.label());
                    return Ok(Source::Nothing(Some(why)));
                }
                (_, "Reroute") => node.inputs.first(),
                (Mode::Bypassed, _) => passed_through(node, origin.slot),
                (_, "PrimitiveNode") => {
                    return Ok(node.first_value().map_or(Source::Nothing(None), Source::Value));
                }
                _ => match self.scopes[scope].children.get(&at) {
                    Some(&child) => match self.sheet(child).outputs.get(&origin.slot) {
                        Some(inside) => {
                            (scope, link) = (child, inside);
                            continue;
                        }
                        None => None,
                    },
                    None => {
                        let id = format!("{}{}", self.scopes[scope].prefix, node.id);
                        return Ok(Source::Output(id, origin.slot));
                    }
                },
            };
            match next.and_then(|slot| slot.link.as_deref()) {
                Some(next) => link = next,
                None => {
                    let why = format!("came from {}, through which nothing comes", node.label());
                    return Ok(Source::Nothing(Some(why)));
                }
            }
        }
        Err(bad(format!(
            "link {link} goes round in a circle, or through more than {MAX_HOPS} nodes"
        )))
    }

    /// What a subgraph's own widget for an input says.
    fn own_value(&self, scope: usize, port: usize) -> Source<'a> {
        let name = self.sheet(scope).inputs.get(port);
        let values = self.scopes[scope].values.get(SELF);
        let value = values.and_then(|values| values.iter().find(|(known, _)| Some(known) == name));
        value.map_or(Source::Nothing(None), |(_, value)| Source::Value(value))
    }

    /// The simple view by the ids of the flat graph: a promoted widget is one of a node inside.
    fn inner_app(&self, app: App) -> App {
        let inputs = app.inputs.into_iter().map(|(id, name)| {
            let (mut scope, mut local) = (0, id.as_str().to_owned());
            while let Some(&child) =
                self.sheet(scope).node(&local).and_then(|at| self.scopes[scope].children.get(&at))
            {
                let at = self.sheet(scope).node(&local);
                let node = at.map(|at| &self.sheet(scope).nodes[at]);
                let inner = node.into_iter().flat_map(promoted_widgets);
                match inner.into_iter().find(|(inner, known)| *known == name && inner != SELF) {
                    Some((inner, _)) => (scope, local) = (child, inner),
                    None => return (id, name),
                }
            }
            (format!("{}{local}", self.scopes[scope].prefix).into(), name)
        });
        App { inputs: inputs.collect(), ..app }
    }
}

/// Widgets inside that a subgraph's node shows as its own: those of its inputs first unless listed.
fn promoted_widgets<'a>(node: &Node<'a>) -> Vec<(String, &'a str)> {
    let listed: Vec<(String, &str)> = list(node.properties.get("proxyWidgets"))
        .iter()
        .filter_map(|entry| Some((entry.get(0)?.as_str()?.to_owned(), entry.get(1)?.as_str()?)))
        .collect();
    let is_listed = |slot: &Slot<'_>| listed.iter().any(|(_, name)| *name == slot.name);
    let own = node.inputs.iter().filter(|slot| slot.widget && !is_listed(slot));
    own.map(|slot| (SELF.to_owned(), slot.name)).chain(listed.iter().cloned()).collect()
}

/// Which slot of a node feeds which input of the subgraph: the one of its name, else the one in its place.
fn fed_by(slots: &[Slot<'_>], inputs: &[String]) -> Vec<Option<usize>> {
    let mut free: Vec<bool> = vec![true; slots.len()];
    let mut take = |wanted: &dyn Fn(&str) -> bool| {
        let found = slots.iter().zip(&free).position(|(slot, free)| *free && wanted(slot.name))?;
        free[found] = false;
        Some(found)
    };
    let mut fed: Vec<_> = inputs.iter().map(|name| take(&|known| known == name)).collect();
    for (name, fed) in inputs.iter().zip(&mut fed).filter(|(_, fed)| fed.is_none()) {
        // Group nodes put the title of the node inside in front of a name that is there twice.
        *fed = take(&|known| known.strip_suffix(name.as_str()).is_some_and(|c| c.ends_with(' ')));
    }
    if slots.len() == inputs.len() {
        for (at, fed) in fed.iter_mut().enumerate().filter(|(_, fed)| fed.is_none()) {
            *fed = free[at].then_some(at);
        }
    }
    fed
}

/// The input of a bypassed node that stands in for its output: of the same kind, in the same place if so.
fn passed_through<'n, 'a>(node: &'n Node<'a>, output: usize) -> Option<&'n Slot<'a>> {
    let kind = node.outputs.get(output)?;
    let same = |slot: &&Slot<'_>| slot.kind == *kind;
    node.inputs.get(output).filter(same).or_else(|| node.inputs.iter().find(same))
}

/// Where the node's class and its files can be had, as far as the file says.
fn source_of(node: &Node<'_>, unknown: bool) -> Option<String> {
    let mut said = Vec::new();
    if unknown {
        match text(node.properties, "cnr_id") {
            "" | "comfy-core" => {}
            pack => said.push(format!(
                "the class is part of `{pack}`, https://registry.comfy.org/nodes/{pack}"
            )),
        }
        match text(node.properties, "aux_id") {
            "" => {}
            repository => said.push(format!("the class is from https://github.com/{repository}")),
        }
    }
    for model in list(node.properties.get("models")).iter().take(4) {
        let (name, url) = (text(model, "name"), text(model, "url"));
        if url.starts_with("https://") || url.starts_with("http://") {
            said.push(format!("`{name}` for `{}` is at {url}", text(model, "directory")));
        }
    }
    let said = said.join("; ");
    let end = said.char_indices().nth(600).map_or(said.len(), |(end, _)| end);
    (end > 0).then(|| said[..end].to_owned())
}
