//! CLIP's rules for text, and its byte pairs.
//!
//! Put together of the parts of `tokenizers` that it consists of: the reader of that crate's own files brings every
//! other kind of tokenizer along, 120 kB of the engine's download.
//!
//! Source: transformers 5.23 `CLIPTokenizer`; OpenAI's `simple_tokenizer.py`.

use serde_json::Value;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{Lowercase, NFC, Replace};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, PreTokenizedString, PreTokenizer,
    SplitDelimiterBehavior, TokenizerImpl,
};

/// What every text begins with.
pub(super) const START: &str = "<|startoftext|>";
/// What it ends with.
pub(super) const END: &str = "<|endoftext|>";

/// Ends the last piece of a word.
const WORD_END: &str = "</w>";

/// Words, of which byte pairs are made.
const WORDS: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// The tokens, and the pairs that become one, first ones first.
pub(super) struct Vocabulary {
    tokens: Vocab,
    merges: Merges,
}

impl Vocabulary {
    /// That of `vocab.json` and `merges.txt`.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    pub(super) fn of(tokens: &Value, merges: &str) -> Result<Self, String> {
        Ok(Self { tokens: ids(tokens)?, merges: pairs(merges) })
    }

    /// That of a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// What is wrong, in words; a tokenizer of another kind.
    pub(super) fn of_fast(file: &Value) -> Result<Self, String> {
        let model = &file["model"];
        // Files of before 2022 do not say that they are of byte pairs.
        let is_bpe = model["type"].as_str().is_none_or(|kind| kind == "BPE");
        if !is_bpe || model["end_of_word_suffix"] != WORD_END {
            return Err("it is not CLIP's kind of tokenizer".to_owned());
        }
        let pair = |merge: &Value| match merge {
            Value::String(text) => halves(text),
            _ => Some((merge[0].as_str()?.to_owned(), merge[1].as_str()?.to_owned())),
        };
        let merges = model["merges"].as_array().and_then(|all| all.iter().map(pair).collect());
        let merges = merges.ok_or("`merges` is no list of pairs")?;
        Ok(Self { tokens: ids(&model["vocab"])?, merges })
    }

    /// CLIP's whole one: the 256 bytes, the same at the end of a word, what each merge makes of its two halves, and
    /// the two special tokens.
    pub(super) fn of_merges(merges: &str) -> Self {
        // Bytes that print stand for themselves and come first; the others, in their order, for the letters from 256 on.
        let prints = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
        let itself = (0..=255).filter(prints).map(char::from);
        let rest = (0..=255).filter(|b| !prints(b)).count();
        let others = (256..).filter_map(char::from_u32).take(rest);
        let bytes: Vec<String> = itself.chain(others).map(String::from).collect();
        let ends = bytes.iter().map(|byte| format!("{byte}{WORD_END}"));
        let merges = pairs(merges);
        let merged = merges.iter().map(|(first, second)| format!("{first}{second}"));
        let all =
            bytes.iter().cloned().chain(ends).chain(merged).chain([START, END].map(String::from));
        Self { tokens: all.zip(0..).collect(), merges }
    }
}

fn ids(tokens: &Value) -> Result<Vocab, String> {
    let id = |(token, id): (&String, &Value)| Some((token.clone(), id.as_u64()?.try_into().ok()?));
    let ids = tokens.as_object().and_then(|all| all.iter().map(id).collect());
    ids.ok_or_else(|| "its vocabulary is no table of numbers".to_owned())
}

/// The pairs of a list of merges.
fn pairs(merges: &str) -> Merges {
    merges.lines().filter(|line| !line.starts_with("#version")).filter_map(halves).collect()
}

fn halves(pair: &str) -> Option<(String, String)> {
    let (first, second) = pair.split_once(' ')?;
    Some((first.to_owned(), second.to_owned()))
}

/// Texts → tokens.
#[derive(Debug)]
pub(super) struct ClipTokenizer {
    // Neither is anything added to the tokens, nor are they made text again.
    inner: TokenizerImpl<BPE, Tidy, Words, ByteLevel, ByteLevel>,
}

impl ClipTokenizer {
    /// With this vocabulary.
    ///
    /// # Errors
    ///
    /// What is wrong, in words: a merge of tokens that there are not.
    pub(super) fn new(vocabulary: Vocabulary) -> Result<Self, String> {
        let Vocabulary { tokens, merges } = vocabulary;
        let model = BPE::builder()
            .vocab_and_merges(tokens, merges)
            .unk_token(END.to_owned())
            .continuing_subword_prefix(String::new())
            .end_of_word_suffix(WORD_END.to_owned())
            .build()
            .map_err(|error| error.to_string())?;
        let build = || -> tokenizers::Result<_> {
            let mut inner = TokenizerImpl::new(model);
            inner.with_normalizer(Some(Tidy::new()?))?;
            inner.with_pre_tokenizer(Some(Words::new()?));
            let special = [START, END].map(|text| AddedToken::from(text, true));
            inner.add_special_tokens(special)?;
            Ok(Self { inner })
        };
        build().map_err(|error| error.to_string())
    }

    /// A token's number.
    pub(super) fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The tokens of a text.
    pub(super) fn ids(&self, text: &str) -> Vec<u32> {
        // Encoding a string fails only for inputs that are not strings.
        self.inner.encode_fast(text, false).map_or_else(|_| Vec::new(), |e| e.get_ids().to_vec())
    }
}

/// Letters with their accents, single spaces, small letters.
#[derive(Debug)]
struct Tidy {
    spaces: Replace,
}

impl Tidy {
    fn new() -> tokenizers::Result<Self> {
        Ok(Self { spaces: Replace::new(ReplacePattern::Regex(r"\s+".to_owned()), " ")? })
    }
}

impl Normalizer for Tidy {
    fn normalize(&self, text: &mut NormalizedString) -> tokenizers::Result<()> {
        NFC.normalize(text)?;
        self.spaces.normalize(text)?;
        Lowercase.normalize(text)
    }
}

/// Words, and the bytes of each.
#[derive(Debug)]
struct Words {
    split: Split,
    bytes: ByteLevel,
}

impl Words {
    fn new() -> tokenizers::Result<Self> {
        let words = SplitPattern::Regex(WORDS.to_owned());
        let split = Split::new(words, SplitDelimiterBehavior::Removed, true)?;
        Ok(Self { split, bytes: ByteLevel::new(false, true, true) })
    }
}

impl PreTokenizer for Words {
    fn pre_tokenize(&self, text: &mut PreTokenizedString) -> tokenizers::Result<()> {
        self.split.pre_tokenize(text)?;
        self.bytes.pre_tokenize(text)
    }
}
