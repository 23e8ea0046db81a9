//! Stand-ins for the files a workflow names, so that anyone's workflow can be tried with what is at hand.

use tintype::graph::{Graph, InputValue, Literal};

/// What takes the place of what.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct StandIns {
    /// In place of every `ckpt_name`.
    pub checkpoint: Option<String>,
    /// In place of every picture that a node of a class `LoadImage…` names.
    pub image: Option<String>,
    /// No `width` and `height` is larger.
    pub max_side: Option<u32>,
}

impl StandIns {
    /// Puts them into a graph.
    pub(crate) fn put_into(&self, graph: &mut Graph) {
        let ids: Vec<String> = graph.iter().map(|(id, _)| id.to_string()).collect();
        for id in ids {
            let Some(spec) = graph.get_mut(&id) else { continue };
            let loads = spec.class_type.starts_with("LoadImage");
            for (name, value) in &mut spec.inputs {
                let InputValue::Literal(literal) = value else { continue };
                let stand_in: Option<Literal> = match (name.as_str(), &*literal, self.max_side) {
                    ("ckpt_name", _, _) => self.checkpoint.clone().map(Into::into),
                    ("image", _, _) if loads => self.image.clone().map(Into::into),
                    ("width" | "height", Literal::Int(side), Some(max)) => {
                        Some(Literal::Int((*side).min(max.into())))
                    }
                    _ => None,
                };
                if let Some(stand_in) = stand_in {
                    *literal = stand_in;
                }
            }
        }
    }
}
