//! Embeddings learned by textual inversion: words of a prompt that stand for vectors in a file.
//!
//! In a window of tokens they are further ids, after those of the vocabulary. A file says for which text encoder its
//! vectors are by their width alone: `emb_params` (AUTOMATIC1111), `clip_l` and `clip_g` (SDXL), or any other name.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::graph::{ChoiceSource, Context};
use crate::nodes::Environment;
use crate::nodes::folders::{model_path, stem};
use crate::nodes::loaders::read;
use crate::nodes::values::Clip;
use crate::prompt::Tokenizer;
use crate::prompt::chunk::{Item, Word};
use crate::weights::WeightsFile;

/// What was learned, for each text encoder of a CLIP.
#[derive(Debug, Default)]
pub(super) struct Learned {
    encoders: Vec<Words>,
}

/// Further words of one text encoder.
#[derive(Debug, Default)]
struct Words {
    ids: BTreeMap<String, Vec<u32>>,
    vectors: Vec<f32>,
}

impl Learned {
    /// Reads the files of these embeddings; of one that is not there, or is for another family, a notice is given.
    pub(super) async fn load(
        cx: &Context<'_>,
        clip: &Clip,
        names: BTreeSet<String>,
    ) -> Result<Self> {
        let mut learned = Self::default();
        learned.encoders.resize_with(clip.encoders.len(), Words::default);
        for name in names {
            let Some(file) = file(cx.env(), &name) else {
                cx.notice(format!(
                    "the embedding `{name}` is not there, and was left out of the prompt"
                ));
                continue;
            };
            let path = model_path(cx.env(), "embeddings", &file)?;
            let arrays = read(cx, &path, async |source, _| {
                let file = WeightsFile::open(&**source).await?;
                let mut arrays = Vec::new();
                for tensor in file.tensors() {
                    if let Some(&width) = tensor.shape.last()
                        && let Some(numbers) = file.numbers(&tensor.name).await?
                    {
                        arrays.push((width, numbers));
                    }
                }
                Ok(arrays)
            })
            .await?;
            learned.add(cx, clip, &name, &path, &arrays);
        }
        Ok(learned)
    }

    fn add(
        &mut self,
        cx: &Context<'_>,
        clip: &Clip,
        name: &str,
        path: &str,
        arrays: &[(usize, Vec<f32>)],
    ) {
        for (words, encoder) in self.encoders.iter_mut().zip(clip.encoders.iter()) {
            let config = encoder.model.config();
            let fits = |(width, numbers): &&(usize, Vec<f32>)| {
                *width == config.hidden_size && !numbers.is_empty()
            };
            let Some((width, numbers)) = arrays.iter().find(fits) else {
                let widths: Vec<String> =
                    arrays.iter().map(|(width, _)| width.to_string()).collect();
                cx.notice(format!(
                    "the embedding `{path}` was left out of the prompt: its vectors have {} numbers, this text encoder's {}, so it is for another family",
                    widths.join(" and "), config.hidden_size,
                ));
                continue;
            };
            let first = config.vocab_size + words.vectors.len() / width;
            let ids = first..first + numbers.len() / width;
            words.ids.insert(name.to_owned(), ids.map(|id| id as u32).collect());
            words.vectors.extend(numbers);
        }
    }

    /// The ids that an embedding is for encoder `i`.
    pub(super) fn ids(&self, i: usize, name: &str) -> Option<Vec<u32>> {
        self.encoders.get(i)?.ids.get(name).cloned()
    }

    /// Words for encoder `i` with the tokens of an embedding wherever its bare name stands, as AUTOMATIC1111 reads them.
    pub(super) fn put_into(&self, i: usize, tokenizer: &Tokenizer, items: Vec<Item>) -> Vec<Item> {
        let Some(words) = self.encoders.get(i).filter(|words| !words.ids.is_empty()) else {
            return items;
        };
        let mut names: Vec<(Vec<u32>, &[u32])> =
            words.ids.iter().map(|(name, ids)| (tokenizer.ids(name), &ids[..])).collect();
        // `cat-toy` is not `cat`.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let put = |word: Word| {
            let (mut ids, mut rest) = (Vec::new(), &word.ids[..]);
            while let [first, after @ ..] = rest {
                let named =
                    names.iter().find(|(name, _)| !name.is_empty() && rest.starts_with(name));
                rest = match named {
                    Some((name, learned)) => {
                        ids.extend(*learned);
                        &rest[name.len()..]
                    }
                    None => {
                        ids.push(*first);
                        after
                    }
                };
            }
            Word { ids, ..word }
        };
        let put = |item| match item {
            Item::Word(word) => Item::Word(put(word)),
            Item::Break => Item::Break,
        };
        items.into_iter().map(put).collect()
    }

    /// The vectors of encoder `i`, one after the other.
    pub(super) fn vectors(&self, i: usize) -> &[f32] {
        self.encoders.get(i).map_or(&[], |words| &words.vectors)
    }
}

/// Names of all embeddings there are, without folder and ending.
pub(super) fn names(env: &Environment) -> impl Iterator<Item = String> {
    env.choices("embeddings")
        .into_iter()
        .filter_map(|file| stem(file.rsplit('/').next()?).map(str::to_owned))
}

/// The file of an embedding, which a prompt may name without its ending.
fn file(env: &Environment, name: &str) -> Option<String> {
    let wanted = Some(stem(name).unwrap_or(name));
    let files = env.choices("embeddings");
    let known = |known: &&String| **known == name || stem(known) == wanted;
    let inside = |known: &&String| known.rsplit('/').next().and_then(stem) == wanted;
    files.iter().find(known).or_else(|| files.iter().find(inside)).cloned()
}
