//! Results that need not be made again, found by what they were made of.
//!
//! A [`Signature`] is a hash of a node's class, its inputs, its fingerprint and, through the links, the
//! signatures of everything before it. Ids do not enter, so a renumbered graph finds its results, and a
//! changed literal loses exactly what follows from it. What must not be found again (a node that draws
//! its own randomness, a NaN, and all that follows) has a volatile signature, and is never kept.
//!
//! Results are kept up to a budget of bytes; those unused for longest go first.

use std::collections::BTreeMap;
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::event::File;
use super::value::Value;

/// What a result was made of, as a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    hash: [u8; 32],
    volatile: bool,
}

impl Signature {
    /// True if the result must not be kept.
    pub fn is_volatile(&self) -> bool {
        self.volatile
    }
}

/// Builds the [`Signature`] of one node.
pub struct Signer {
    hash: Sha256,
    volatile: bool,
}

impl Signer {
    /// Begins with the class, and with how often a class of this name was replaced.
    pub fn new(class_type: &str, generation: u32) -> Self {
        let mut signer = Self { hash: Sha256::new(), volatile: false };
        signer.text("class", class_type);
        signer.part("generation", &generation.to_le_bytes());
        signer
    }

    /// Adds an input that is written in the graph.
    pub fn literal(&mut self, input: &str, value: &Value) {
        self.text("input", input);
        match value {
            Value::Int(n) => self.part("int", &n.to_le_bytes()),
            Value::Float(x) => {
                // NaN is not equal to itself, and neither are two results made of it.
                self.volatile |= x.is_nan();
                self.part("float", &x.to_bits().to_le_bytes());
            }
            Value::String(text) => self.text("string", text),
            Value::Boolean(yes) => self.part("boolean", &[u8::from(*yes)]),
            Value::Json(json) => self.text("json", &json.to_string()),
            // These have no content to compare; none is ever written in a graph.
            Value::Object(_) | Value::List(_) => self.volatile = true,
        }
    }

    /// Adds an input that is an output of the node with signature `source`.
    pub fn link(&mut self, input: &str, source: &Signature, output: usize) {
        self.text("input", input);
        self.volatile |= source.volatile;
        self.part("link", &source.hash);
        self.part("output", &(output as u64).to_le_bytes());
    }

    /// Adds what the result depends on besides its inputs.
    pub fn fingerprint(&mut self, fingerprint: &str) {
        self.text("fingerprint", fingerprint);
    }

    /// Makes the result one that must not be kept.
    pub fn set_volatile(&mut self) {
        self.volatile = true;
    }

    /// The signature.
    pub fn finish(self) -> Signature {
        Signature { hash: self.hash.finalize().into(), volatile: self.volatile }
    }

    fn text(&mut self, tag: &str, text: &str) {
        self.part(tag, text.as_bytes());
    }

    /// Lengths go in first, so that no two lists of parts read the same.
    fn part(&mut self, tag: &str, bytes: &[u8]) {
        for bytes in [tag.as_bytes(), bytes] {
            self.hash.update((bytes.len() as u64).to_le_bytes());
            self.hash.update(bytes);
        }
    }
}

/// What a node gave: its values, what it showed, and the files it handed over.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// One value for each output.
    pub values: Vec<Value>,
    /// What it showed.
    pub ui: Option<serde_json::Value>,
    /// Its files, to be handed over again when the node need not run.
    pub files: Vec<File>,
}

impl Outcome {
    fn bytes(&self) -> usize {
        let values: usize = self.values.iter().map(Value::bytes).sum();
        let files: usize = self.files.iter().map(|file| file.bytes.len()).sum();
        let ui = self.ui.as_ref().map_or(0, |ui| ui.to_string().len());
        // The entry itself, so that thousands of empty ones are not free.
        values + files + ui + 128
    }
}

/// Results by signature, up to a budget of bytes.
pub struct Cache {
    entries: BTreeMap<Signature, Entry>,
    /// The same by last use, oldest first.
    by_use: BTreeMap<u64, Signature>,
    budget: usize,
    bytes: usize,
    clock: u64,
}

struct Entry {
    outcome: Rc<Outcome>,
    bytes: usize,
    used: u64,
}

impl Cache {
    /// A cache that keeps at most `budget` bytes.
    pub fn new(budget: usize) -> Self {
        Self { entries: BTreeMap::new(), by_use: BTreeMap::new(), budget, bytes: 0, clock: 0 }
    }

    /// The result of this signature, which counts as a use.
    pub fn get(&mut self, signature: &Signature) -> Option<Rc<Outcome>> {
        self.clock += 1;
        let entry = self.entries.get_mut(signature)?;
        self.by_use.remove(&entry.used);
        self.by_use.insert(self.clock, *signature);
        entry.used = self.clock;
        Some(Rc::clone(&entry.outcome))
    }

    /// Keeps a result, unless it is larger than the budget or must not be kept.
    pub fn put(&mut self, signature: Signature, outcome: Rc<Outcome>) {
        let bytes = outcome.bytes();
        if signature.volatile || bytes > self.budget {
            return;
        }
        self.remove(&signature);
        self.clock += 1;
        self.bytes += bytes;
        self.by_use.insert(self.clock, signature);
        self.entries.insert(signature, Entry { outcome, bytes, used: self.clock });
        self.evict();
    }

    /// Changes the budget, and drops what no longer fits.
    pub fn set_budget(&mut self, budget: usize) {
        self.budget = budget;
        self.evict();
    }

    /// Bytes of the kept results. A value in two results counts twice.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.by_use.clear();
        self.bytes = 0;
    }

    fn evict(&mut self) {
        while self.bytes > self.budget
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, signature: &Signature) {
        if let Some(entry) = self.entries.remove(signature) {
            self.by_use.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::value::Kind;

    fn sign(literal: impl Into<Value>) -> Signature {
        let mut signer = Signer::new("Add", 0);
        signer.literal("a", &literal.into());
        signer.finish()
    }

    fn outcome(bytes: usize) -> Rc<Outcome> {
        let values = vec![Value::object(Kind::IMAGE, bytes, ())];
        Rc::new(Outcome { values, ..Outcome::default() })
    }

    #[test]
    fn signature_is_of_content() {
        assert_eq!(sign(1_i64), sign(1_i64));
        assert_ne!(sign(1_i64), sign(2_i64));
        assert_ne!(sign(1_i64), sign(1.0));
        assert_ne!(sign("1"), sign(1_i64));
        assert_ne!(sign(""), Signer::new("Add", 0).finish());
        assert_ne!(Signer::new("Add", 0).finish(), Signer::new("Add", 1).finish());
    }

    #[test]
    fn not_a_number_is_volatile_and_so_is_what_follows() {
        let nan = sign(f64::NAN);
        assert!(nan.is_volatile());
        let mut signer = Signer::new("Add", 0);
        signer.link("a", &nan, 0);
        assert!(signer.finish().is_volatile());
    }

    #[test]
    fn least_recently_used_goes_first() {
        let mut cache = Cache::new(3000);
        cache.put(sign(1_i64), outcome(800));
        cache.put(sign(2_i64), outcome(800));
        cache.put(sign(3_i64), outcome(800));
        assert!(cache.get(&sign(1_i64)).is_some());
        cache.put(sign(4_i64), outcome(800));
        assert!(cache.get(&sign(2_i64)).is_none());
        assert!(cache.get(&sign(1_i64)).is_some() && cache.get(&sign(3_i64)).is_some());
        assert!(cache.bytes() <= 3000);
        cache.set_budget(1000);
        assert!(cache.get(&sign(3_i64)).is_some() && cache.get(&sign(1_i64)).is_none());
    }

    #[test]
    fn larger_than_the_budget_is_not_kept_and_drives_nothing_out() {
        let mut cache = Cache::new(1000);
        cache.put(sign(1_i64), outcome(100));
        cache.put(sign(2_i64), outcome(5000));
        assert!(cache.get(&sign(1_i64)).is_some() && cache.get(&sign(2_i64)).is_none());
    }

    #[test]
    fn same_signature_again_is_counted_once() {
        let mut cache = Cache::new(10_000);
        cache.put(sign(1_i64), outcome(500));
        let once = cache.bytes();
        cache.put(sign(1_i64), outcome(500));
        assert_eq!(cache.bytes(), once);
        cache.clear();
        assert_eq!(cache.bytes(), 0);
    }
}
