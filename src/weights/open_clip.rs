//! OpenCLIP's names of a text encoder (Stable Diffusion 2.x, SDXL's larger one), translated to transformers'.
//!
//! Two of its tensors are stored otherwise, not only named so: the projections to query, key and value are one matrix,
//! and the last projection is the other way round. Source: `open_clip` 3.3 `transformer.py`.

use super::checkpoint::Cut;

/// transformers' names of a tensor of this shape, and which part of it each is; nothing for a name that is not
/// OpenCLIP's.
pub(super) fn text_model(name: &str, shape: &[usize]) -> Option<Vec<(String, Cut)>> {
    let whole = |name: &str| Some(vec![(format!("text_model.{name}"), Cut::Whole)]);
    match name {
        "positional_embedding" => return whole("embeddings.position_embedding.weight"),
        "token_embedding.weight" => return whole("embeddings.token_embedding.weight"),
        "ln_final.weight" => return whole("final_layer_norm.weight"),
        "ln_final.bias" => return whole("final_layer_norm.bias"),
        "text_projection" => {
            return Some(vec![("text_projection.weight".to_owned(), Cut::Transposed)]);
        }
        _ => {}
    }
    let (layer, rest) = name.strip_prefix("transformer.resblocks.")?.split_once('.')?;
    let path = format!("encoder.layers.{layer}");
    if let Some(kind) = rest.strip_prefix("attn.in_proj_") {
        let rows = shape.first()? / 3;
        let third = |(i, part)| {
            let name = format!("text_model.{path}.self_attn.{part}.{kind}");
            (name, Cut::Rows(i * rows..(i + 1) * rows))
        };
        return Some([(0, "q_proj"), (1, "k_proj"), (2, "v_proj")].map(third).into());
    }
    for (theirs, ours) in [
        ("ln_1.", "layer_norm1."),
        ("ln_2.", "layer_norm2."),
        ("attn.out_proj.", "self_attn.out_proj."),
        ("mlp.c_fc.", "mlp.fc1."),
        ("mlp.c_proj.", "mlp.fc2."),
    ] {
        if let Some(kind) = rest.strip_prefix(theirs) {
            return whole(&format!("{path}.{ours}{kind}"));
        }
    }
    None
}
