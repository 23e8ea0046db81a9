//! Tokens with weights → windows of 77.

use super::Tokenizer;
use super::tokenizer::WINDOW;

/// Tokens of a window without its start and end.
const ROOM: usize = WINDOW - 2;

/// Tokens that belong together, all of one weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// The tokens.
    pub ids: Vec<u32>,
    /// How much each weighs.
    pub weight: f32,
}

/// What a prompt is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Tokens.
    Word(Word),
    /// The end of a window.
    Break,
}

/// A window of [`WINDOW`] tokens and their weights; start, end and padding weigh 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// The tokens.
    pub ids: Vec<u32>,
    /// One weight a token.
    pub weights: Vec<f32>,
}

impl Chunk {
    /// A window of these tokens, at most 75, each with its weight.
    fn new(tokenizer: &Tokenizer, ids: &[u32], weights: &[f32]) -> Self {
        let mut all = Vec::with_capacity(WINDOW);
        all.push(1.0);
        all.extend(weights);
        all.resize(WINDOW, 1.0);
        Self { ids: tokenizer.window(ids), weights: all }
    }

    /// The window of no tokens.
    pub fn empty(tokenizer: &Tokenizer) -> Self {
        Self::new(tokenizer, &[], &[])
    }

    /// True if a token weighs something else than 1.
    pub fn is_weighted(&self) -> bool {
        self.weights.iter().any(|weight| *weight != 1.0)
    }
}

/// Windows that are being filled.
struct Filling<'a> {
    tokenizer: &'a Tokenizer,
    done: Vec<Chunk>,
    ids: Vec<u32>,
    weights: Vec<f32>,
}

impl<'a> Filling<'a> {
    fn new(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer, done: Vec::new(), ids: Vec::new(), weights: Vec::new() }
    }

    fn push(&mut self, id: u32, weight: f32) {
        self.ids.push(id);
        self.weights.push(weight);
    }

    /// Ends the window; what comes goes into the next.
    fn close(&mut self) {
        self.done.push(Chunk::new(self.tokenizer, &self.ids, &self.weights));
        self.ids.clear();
        self.weights.clear();
    }

    /// All windows, at least one.
    fn finish(mut self) -> Vec<Chunk> {
        if !self.ids.is_empty() || self.done.is_empty() {
            self.close();
        }
        self.done
    }
}

/// ComfyUI's way: a word of fewer than 8 tokens that does not fit goes whole into the next window; a longer
/// one is cut where the window is full.
pub fn whole_words(tokenizer: &Tokenizer, words: &[Word]) -> Vec<Chunk> {
    let mut filling = Filling::new(tokenizer);
    for word in words {
        if word.ids.len() < 8 && filling.ids.len() + word.ids.len() > ROOM {
            filling.close();
        }
        for id in &word.ids {
            if filling.ids.len() == ROOM {
                filling.close();
            }
            filling.push(*id, word.weight);
        }
    }
    filling.finish()
}

/// AUTOMATIC1111's way: where a window is full and a comma is among its last 20 tokens, what follows the
/// comma goes into the next window.
pub fn at_commas(tokenizer: &Tokenizer, items: &[Item]) -> Vec<Chunk> {
    let comma = tokenizer.ids(",");
    let mut filling = Filling::new(tokenizer);
    let mut last_comma = None;
    for item in items {
        let Item::Word(word) = item else {
            filling.close();
            last_comma = None;
            continue;
        };
        for id in &word.ids {
            let is_comma = comma == [*id];
            if filling.ids.len() == ROOM {
                let kept = last_comma.map(|comma: usize| comma + 1);
                let kept = kept.filter(|kept| !is_comma && ROOM - kept < 20).unwrap_or(ROOM);
                let (ids, weights) = (filling.ids.split_off(kept), filling.weights.split_off(kept));
                filling.close();
                (filling.ids, filling.weights) = (ids, weights);
                last_comma = None;
            } else if is_comma {
                last_comma = Some(filling.ids.len());
            }
            filling.push(*id, word.weight);
        }
    }
    filling.finish()
}
