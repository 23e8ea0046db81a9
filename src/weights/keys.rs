//! Their names → ours: what other programs call a tensor, translated once when a file is loaded.

/// The projections of an attention layer as diffusers before 0.18 saved them; Stable Diffusion 1.5's
/// published autoencoder has these names.
const OLD_ATTENTION: [(&str, &str); 4] =
    [("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")];

/// Our name of a tensor; most are the same.
pub(super) fn ours(name: &str) -> String {
    old_attention(name).unwrap_or_else(|| name.to_owned())
}

/// True for what a checkpoint carries along but no network is made of: CLIP's numbered positions.
pub(super) fn is_buffer(name: &str) -> bool {
    name.rsplit('.').next() == Some("position_ids")
}

/// `….attentions.0.query.weight` → `….attentions.0.to_q.weight`, and nothing else: `key` is a common word.
fn old_attention(name: &str) -> Option<String> {
    let (path, kind) = name.rsplit_once('.')?;
    let (layer, old) = path.rsplit_once('.')?;
    let (list, index) = layer.rsplit_once('.')?;
    let in_attention = list.rsplit('.').next() == Some("attentions")
        && index.bytes().all(|byte| byte.is_ascii_digit());
    let (_, new) = OLD_ATTENTION.iter().find(|(known, _)| in_attention && *known == old)?;
    Some(format!("{layer}.{new}.{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_attention_names_become_new_ones() {
        for (old, new) in OLD_ATTENTION {
            let name = |part| format!("decoder.mid_block.attentions.0.{part}.bias");
            assert_eq!(ours(&name(old)), name(new));
        }
    }

    #[test]
    fn other_names_stay() {
        for name in [
            "post_quant_conv.weight",
            "decoder.mid_block.attentions.0.group_norm.weight",
            "down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q.weight",
            "down_blocks.0.attentions.1.transformer_blocks.0.attn1.key.weight",
            "attentions.key.weight",
            "key.weight",
            "key",
            "",
            "...",
        ] {
            assert_eq!(ours(name), name);
        }
    }

    #[test]
    fn positions_are_no_weights() {
        assert!(is_buffer("text_model.embeddings.position_ids"));
        assert!(!is_buffer("text_model.embeddings.position_embedding.weight"));
        assert!(!is_buffer("text_model.old_position_ids"));
    }
}
