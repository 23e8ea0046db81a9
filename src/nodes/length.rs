//! How long a prompt is for a checkpoint, before any of its weights are loaded.

use std::rc::Rc;

use serde::Serialize;

use super::Environment;
use super::folders::{is_weights, model_path};
use crate::error::Result;
use crate::prompt::{Tokenizer, chunk, comfy};

/// A prompt's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PromptLength {
    /// Tokens, without start, end and padding. An embedding's are not among them: its file says how many it has.
    pub tokens: usize,
    /// Parts of 75 tokens that a text encoder reads one by one; 1 for no words at all.
    pub windows: usize,
}

/// How long `text` is for the checkpoint that graphs call `checkpoint`, cut as `CLIPTextEncode` cuts it.
///
/// # Errors
///
/// If there is no such checkpoint, its tokenizer cannot be read, or the text's brackets nest too deep.
pub async fn prompt_length(
    env: &Environment,
    checkpoint: &str,
    text: &str,
) -> Result<PromptLength> {
    let tokenizer = tokenizer(env, checkpoint).await?;
    let words = comfy::words(&tokenizer, &comfy::parse(text)?, &|_| None);
    let tokens = words.iter().map(|word| word.ids.len()).sum();
    Ok(PromptLength { tokens, windows: chunk::whole_words(&tokenizer, &words).len() })
}

/// The checkpoint's tokenizer. The last one is kept: a person who types asks again with every key.
async fn tokenizer(env: &Environment, checkpoint: &str) -> Result<Rc<Tokenizer>> {
    // Files of weights bring no tokenizer: all of them were trained with CLIP's.
    let folder = if is_weights(checkpoint) {
        String::new()
    } else {
        model_path(env, "checkpoints", checkpoint)? + "/tokenizer"
    };
    if let Some((of, tokenizer)) = &*env.counted_with.borrow()
        && *of == folder
    {
        return Ok(tokenizer.clone());
    }
    let tokenizer = Rc::new(match folder.as_str() {
        "" => Tokenizer::clip(&*env.store, true).await?,
        folder => Tokenizer::load(&*env.store, folder).await?,
    });
    env.counted_with.replace(Some((folder, tokenizer.clone())));
    Ok(tokenizer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::nodes::testing::environment;

    fn length(checkpoint: &str, text: &str) -> Result<PromptLength> {
        pollster::block_on(prompt_length(&environment()?, checkpoint, text))
    }

    #[test]
    fn weights_are_no_tokens_and_words_are_those_of_the_checkpoint() {
        let plain = length("sprite", "a red dragon").unwrap();
        assert_eq!(plain, PromptLength { tokens: 3, windows: 1 });
        assert_eq!(length("sprite", "a (red:1.3) dragon").unwrap(), plain);
        assert_eq!(length("some.safetensors", "a red dragon").unwrap(), plain);
        // Whole in CLIP's own vocabulary, in pieces in the bundled one.
        let word = "watercolour";
        let (small, whole) = (length("sprite", word).unwrap(), length("any.ckpt", word).unwrap());
        assert!(small.tokens > whole.tokens, "{small:?} {whole:?}");
    }

    #[test]
    fn a_long_prompt_has_several_parts() {
        assert_eq!(length("sprite", "").unwrap(), PromptLength { tokens: 0, windows: 1 });
        assert_eq!(length("sprite", &"cat ".repeat(75)).unwrap().windows, 1);
        let long = length("sprite", &"cat ".repeat(76)).unwrap();
        assert_eq!(long, PromptLength { tokens: 76, windows: 2 });
    }

    #[test]
    fn a_checkpoint_that_is_not_there_is_named() {
        let error = length("sprint", "a cat").unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::UnknownName { what: "checkpoint", .. }));
        assert!(error.to_string().contains("sprint"), "{error}");
    }
}
