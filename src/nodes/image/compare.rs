//! The node that shows two pictures over each other.

use serde_json::{Map, Value as Json};

use super::files::write_pngs;
use crate::error::Result;
use crate::graph::event::Place;
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Outputs, Schema};
use crate::image::Image;

/// The classes of this family, in menu order.
pub(in crate::nodes) const NODES: &[&dyn Node] = &[&IMAGE_COMPARE];

/// Two pictures → files that a page shows over each other.
const IMAGE_COMPARE: Function = Function::waiting(
    &Schema::new("ImageCompare", "Image Compare", "image")
        .doc("Shows two pictures over each other, to compare them.")
        .inputs(&[
            Input::link("image_a", Kind::IMAGE).optional().doc("The pictures on the one side."),
            Input::link("image_b", Kind::IMAGE).optional().doc("The pictures on the other."),
        ])
        .output_node(),
    |inputs, cx| Box::pin(image_compare(inputs, cx)),
);

async fn image_compare(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let mut shown = Map::new();
    for (input, key) in [("image_a", "a_images"), ("image_b", "b_images")] {
        let mut files = Json::Array(Vec::new());
        if let Some(image) = inputs.optional_object::<Image>(input)? {
            let written = write_pngs(&image, "ComfyUI_temp", Place::Temp, cx).await?;
            files = written.ui.map_or(files, |mut ui| ui["images"].take());
        }
        shown.insert(key.to_owned(), files);
    }
    Ok(Outputs::ui(shown.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::testing::run;

    #[test]
    fn each_side_has_its_files() {
        let inputs = Inputs::new().with("image_b", Image::filled([2, 1, 1, 3], 0.5));
        let ui = run(&IMAGE_COMPARE, inputs).unwrap().ui.unwrap();
        let names = |side: &str| -> Vec<String> {
            let files = ui[side].as_array().unwrap().iter();
            files.map(|file| format!("{} {}", file["filename"], file["type"])).collect()
        };
        assert!(names("a_images").is_empty());
        let expected = ["00001", "00002"].map(|n| format!("\"ComfyUI_temp_{n}_.png\" \"temp\""));
        assert_eq!(names("b_images"), expected);
    }
}
