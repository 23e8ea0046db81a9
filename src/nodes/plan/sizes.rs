//! How large the latents and pictures of a graph will be, followed from where it begins.

use crate::graph::Literal;
use crate::graph::{Graph, InputValue};

/// Sides in pixels, and how many pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) batch: u64,
}

/// Links by which a size is handed on, nearest first.
const CARRIERS: [&str; 6] = ["latent_image", "samples", "pixels", "image", "images", "samples_to"];

/// Nodes from a node to where its size begins, at most: no graph that a person made is deeper.
const DEEPEST: usize = 1000;

/// The size of what a node works on; nothing if it is not written in the graph.
pub(super) fn latent_size(graph: &Graph, node: &str) -> Option<Size> {
    let mut node = graph.get(node)?;
    let mut factor = 1.0;
    for depth in 0..DEEPEST {
        let number = |name: &str| match node.input(name)? {
            InputValue::Literal(Literal::Int(value)) => Some(*value as f64),
            InputValue::Literal(Literal::Float(value)) => Some(*value),
            _ => None,
        };
        if let (Some(width), Some(height)) = (number("width"), number("height")) {
            let batch = number("batch_size").unwrap_or(1.0).max(1.0) as u64;
            let [width, height] = [width, height].map(|side| (side * factor).max(0.0) as u64);
            return Some(Size { width, height, batch });
        }
        // What makes larger does so for all that comes after it, not for what it is given.
        if depth > 0 {
            factor *= number("scale_by").unwrap_or(1.0);
        }
        let link = CARRIERS.iter().find_map(|name| match node.input(name)? {
            InputValue::Link { node, .. } => Some(node.as_str()),
            _ => None,
        });
        node = graph.get(link?)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::NodeSpec;

    #[test]
    fn sizes_are_followed_to_where_they_begin() {
        let graph = Graph::new()
            .with(
                "1",
                NodeSpec::new("EmptyLatentImage")
                    .with("width", 512_i64)
                    .with("height", 768_i64)
                    .with("batch_size", 2_i64),
            )
            .with("2", NodeSpec::new("KSampler").linked("latent_image", "1", 0))
            .with(
                "3",
                NodeSpec::new("LatentUpscaleBy").linked("samples", "2", 0).with("scale_by", 1.5),
            )
            .with("4", NodeSpec::new("KSampler").linked("latent_image", "3", 0))
            .with("5", NodeSpec::new("VAEEncode").linked("pixels", "6", 0))
            .with("6", NodeSpec::new("LoadImage").with("image", "a.png"))
            .with("7", NodeSpec::new("KSampler").linked("latent_image", "7", 0));
        let size = |node| latent_size(&graph, node);
        assert_eq!(size("2"), Some(Size { width: 512, height: 768, batch: 2 }));
        assert_eq!(size("4"), Some(Size { width: 768, height: 1152, batch: 2 }));
        assert_eq!([size("5"), size("7"), size("8")], [None; 3]);
    }
}
