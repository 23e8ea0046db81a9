//! The program in one of torch's files, read by a machine that can make tensors, lists and dictionaries, and nothing else.
//!
//! A pickle is a program for a machine with a stack, whose dangerous instruction is to call any function by its name. This
//! machine calls none: it knows a few names, for each of which it does what is said here, and refuses a program that says
//! another. Lists and dictionaries live in one array and are known by their place in it, so that none holds another, and
//! what a program may make is bounded by its length.
//!
//! Source: Python's `pickletools`, which documents each instruction.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::number;
use crate::weights::Dtype;

/// An array of numbers in the file.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) dtype: Dtype,
    /// Its name among the arrays.
    pub(super) key: String,
    /// How long the program says it is.
    pub(super) bytes: u64,
}

/// A tensor: a part of an array.
#[derive(Debug)]
pub(super) struct View {
    pub(super) array: Rc<Array>,
    /// Its first number.
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    /// How many numbers lie between neighbours along each axis.
    pub(super) strides: Vec<u64>,
}

#[derive(Debug, Clone)]
enum Value {
    /// Of no interest: nothing, a truth value, a fraction, what a training program keeps beside its tensors.
    Other,
    Number(u64),
    Text(Rc<str>),
    /// A list or dictionary, by its place.
    Items(usize),
    Function(Function),
    Array(Rc<Array>),
    Tensor(Rc<View>),
}

/// What a program may name.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Function {
    /// A part of an array.
    Tensor,
    /// The same tensor.
    Parameter,
    /// An empty dictionary.
    Dictionary,
    /// A kind of array.
    Array(Dtype),
    /// Whatever it is given, of no interest.
    Other,
}

/// Names of things that training programs save beside the tensors, none of which is needed.
const OTHERS: [&str; 16] = [
    "__builtin__.set",
    "_codecs.encode",
    "argparse.Namespace",
    "builtins.set",
    "collections.Counter",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "torch.Size",
    "torch.bfloat16",
    "torch.device",
    "torch.float16",
    "torch.float32",
    "torch.float64",
    "torch.int64",
];

/// torch's names of number formats, and safetensors'.
const ARRAYS: [(&str, &str); 10] = [
    ("Float", "F32"),
    ("Half", "F16"),
    ("BFloat16", "BF16"),
    ("Double", "F64"),
    ("Long", "I64"),
    ("Int", "I32"),
    ("Short", "I16"),
    ("Char", "I8"),
    ("Byte", "U8"),
    ("Bool", "BOOL"),
];

/// Where training programs put the tensors that are wanted; what lies beside these is not.
const INNER: [&str; 2] = ["state_dict", "string_to_param"];

/// Most instructions of a program and values it looks through.
const MAX_STEPS: usize = 1 << 21;

/// Most letters of all names, however often a dictionary stands in others.
const MAX_NAMES: usize = 1 << 26;

/// How deep its dictionaries may be nested.
const MAX_DEPTH: usize = 16;

/// Runs a program and lists the tensors of its result by their names, joined with dots where they are nested.
pub(super) fn tensors(program: &[u8]) -> Result<Vec<(String, Rc<View>)>, String> {
    let mut machine = Machine { program, ..Machine::default() };
    let result = machine.run()?;
    let inner = INNER.iter().find_map(|inner| {
        machine.under(&result, inner).filter(|value| matches!(value, Value::Items(_)))
    });
    let mut found = Found { items: &machine.items, letters: 0, tensors: Vec::new() };
    found.add(&inner.unwrap_or(result), String::new(), 0)?;
    Ok(found.tensors)
}

#[derive(Default)]
struct Machine<'a> {
    program: &'a [u8],
    at: usize,
    steps: usize,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: Vec<Value>,
    items: Vec<Vec<(Value, Value)>>,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Value, String> {
        while self.steps < MAX_STEPS {
            let at = self.at;
            self.steps += 1;
            match self.step() {
                Some(Ok(None)) => {}
                Some(Ok(Some(result))) => return Ok(result),
                Some(Err(why)) => return Err(why),
                None => return Err(format!("its program is damaged at byte {at}")),
            }
        }
        Err("its program does more than any checkpoint needs".to_owned())
    }

    /// One instruction: the result if it was the last, nothing if it makes no sense.
    fn step(&mut self) -> Option<Result<Option<Value>, String>> {
        let code = self.number(1)? as u8;
        match code {
            // Version of the language; length of what follows.
            0x80 => self.skip(1)?,
            0x95 => self.skip(8)?,
            b'.' => return self.stack.pop().map(|result| Ok(Some(result))),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                self.stack.pop()?;
            }
            b'N' | 0x88 | 0x89 => self.stack.push(Value::Other),
            b'G' => {
                self.skip(8)?;
                self.stack.push(Value::Other);
            }
            b'K' => self.push_number(1)?,
            b'M' => self.push_number(2)?,
            b'J' => self.push_number(4)?,
            0x8a => {
                let count = self.number(1)? as usize;
                self.push_number(count)?;
            }
            0x8c | b'U' => self.push_text(1)?,
            b'X' | b'T' => self.push_text(4)?,
            0x8d => self.push_text(8)?,
            b'C' => self.push_bytes(1)?,
            b'B' => self.push_bytes(4)?,
            b'}' | b']' | b')' => self.push_items(Vec::new()),
            b't' => {
                let values = self.marked()?;
                self.push_items(listed(values));
            }
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(code - 0x84))?;
                let values = self.stack.split_off(from);
                self.push_items(listed(values));
            }
            b'q' => self.put(1)?,
            b'r' => self.put(4)?,
            0x94 => self.memo.push(self.stack.last()?.clone()),
            b'h' => self.get(1)?,
            b'j' => self.get(4)?,
            b'c' => {
                let names = [self.line()?, self.line()?];
                return self.push_function(&names.join("."));
            }
            0x93 => {
                let (Value::Text(name), Value::Text(module)) =
                    (self.stack.pop()?, self.stack.pop()?)
                else {
                    return None;
                };
                return self.push_function(&format!("{module}.{name}"));
            }
            b'Q' => {
                let Value::Items(place) = self.stack.pop()? else { return None };
                let array = self.array(place)?;
                self.stack.push(Value::Array(Rc::new(array)));
            }
            // Calls of a function, and of a class.
            b'R' | 0x81 => {
                let (Value::Items(given), Value::Function(function)) =
                    (self.stack.pop()?, self.stack.pop()?)
                else {
                    return None;
                };
                self.call(function, given)?;
            }
            b's' => {
                let (value, key) = (self.stack.pop()?, self.stack.pop()?);
                self.extend(vec![(key, value)])?;
            }
            b'u' => {
                let mut values = self.marked()?.into_iter();
                let mut pairs = Vec::new();
                while let Some(key) = values.next() {
                    pairs.push((key, values.next()?));
                }
                self.extend(pairs)?;
            }
            b'a' => {
                let value = self.stack.pop()?;
                self.extend(listed(vec![value]))?;
            }
            b'e' => {
                let values = self.marked()?;
                self.extend(listed(values))?;
            }
            // What else an object has: a module's parameters, which are wanted, or a dictionary's notes.
            b'b' => {
                let state = self.stack.pop()?;
                if let Value::Items(place) = &state {
                    self.steps += self.items[*place].len();
                }
                if let Some(Value::Items(parameters)) = self.under(&state, "_parameters") {
                    self.steps += self.items[parameters].len();
                    if self.steps < MAX_STEPS {
                        self.extend(self.items[parameters].clone())?;
                    }
                }
            }
            _ => {
                return Some(Err(format!(
                    "its program has the instruction {code:#04x}, which no tensor needs"
                )));
            }
        }
        Some(Ok(None))
    }

    fn call(&mut self, function: Function, given: usize) -> Option<()> {
        let given = &self.items[given];
        let argument = |i: usize| given.get(i).map(|(_, value)| value.clone());
        let made = match function {
            Function::Dictionary if given.is_empty() => {
                self.push_items(Vec::new());
                return Some(());
            }
            Function::Dictionary | Function::Array(_) => return None,
            Function::Parameter => argument(0)?,
            Function::Other => Value::Other,
            Function::Tensor => {
                let (Value::Array(array), Value::Number(offset)) = (argument(0)?, argument(1)?)
                else {
                    return None;
                };
                let (shape, strides) = (self.numbers(&argument(2)?)?, self.numbers(&argument(3)?)?);
                if shape.len() != strides.len() {
                    return None;
                }
                Value::Tensor(Rc::new(View { array, offset, shape, strides }))
            }
        };
        self.stack.push(made);
        Some(())
    }

    /// An array, of what identifies it: `("storage", kind, key, device, length)`.
    fn array(&self, place: usize) -> Option<Array> {
        match &self.items[place][..] {
            [
                (_, Value::Text(what)),
                (_, Value::Function(Function::Array(dtype))),
                (_, Value::Text(key)),
                _,
                (_, Value::Number(length)),
            ] if **what == *"storage" => {
                let bytes = length.checked_mul(dtype.bytes() as u64)?;
                Some(Array { dtype: *dtype, key: key.to_string(), bytes })
            }
            _ => None,
        }
    }

    fn numbers(&self, value: &Value) -> Option<Vec<u64>> {
        let Value::Items(place) = value else { return None };
        let number = |(_, value): &(Value, Value)| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        };
        let items = &self.items[*place];
        // No tensor has more axes than these.
        if items.len() > 8 { None } else { items.iter().map(number).collect() }
    }

    fn under(&self, value: &Value, wanted: &str) -> Option<Value> {
        let Value::Items(place) = value else { return None };
        let is_it =
            |(key, _): &&(Value, Value)| matches!(key, Value::Text(text) if **text == *wanted);
        self.items[*place].iter().find(is_it).map(|(_, value)| value.clone())
    }

    /// Adds to the list or dictionary on top of the stack; to anything else, which is of no interest, nothing.
    fn extend(&mut self, pairs: Vec<(Value, Value)>) -> Option<()> {
        if let Value::Items(place) = self.stack.last()? {
            self.items[*place].extend(pairs);
        }
        Some(())
    }

    fn push_items(&mut self, items: Vec<(Value, Value)>) {
        self.stack.push(Value::Items(self.items.len()));
        self.items.push(items);
    }

    fn push_function(&mut self, name: &str) -> Option<Result<Option<Value>, String>> {
        let array = |name: &str| {
            let kind = name.strip_prefix("torch.")?.strip_suffix("Storage")?;
            let (_, dtype) = ARRAYS.iter().find(|(known, _)| *known == kind)?;
            Dtype::from_name(dtype).map(Function::Array)
        };
        let function = match name {
            "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" => Function::Tensor,
            "torch._utils._rebuild_parameter" => Function::Parameter,
            "collections.OrderedDict" | "torch.nn.modules.container.ParameterDict" => {
                Function::Dictionary
            }
            name if OTHERS.contains(&name) => Function::Other,
            name => match array(name) {
                Some(array) => array,
                None => {
                    let name = name.escape_debug();
                    return Some(Err(format!(
                        "its program asks for `{name}`, which no tensor needs; nothing of it was run"
                    )));
                }
            },
        };
        self.stack.push(Value::Function(function));
        Some(Ok(None))
    }

    fn marked(&mut self) -> Option<Vec<Value>> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len())?;
        Some(self.stack.split_off(mark))
    }

    /// Programs count what they keep: a place that is neither taken nor the next is nobody's.
    fn put(&mut self, count: usize) -> Option<()> {
        let (place, value) = (self.number(count)? as usize, self.stack.last()?.clone());
        if place == self.memo.len() {
            self.memo.push(value);
        } else {
            *self.memo.get_mut(place)? = value;
        }
        Some(())
    }

    fn get(&mut self, count: usize) -> Option<()> {
        let place = self.number(count)? as usize;
        self.stack.push(self.memo.get(place)?.clone());
        Some(())
    }

    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let bytes = self.program.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(bytes)
    }

    fn number(&mut self, count: usize) -> Option<u64> {
        number(self.bytes(count)?, 0, count)
    }

    /// Numbers below zero, and those that are longer than any size, are of no interest.
    fn push_number(&mut self, count: usize) -> Option<()> {
        let bytes = self.bytes(count)?;
        let is_signed = count > 2 && bytes[count - 1] >= 0x80;
        let value = number(bytes, 0, count).filter(|_| !is_signed && count <= 8);
        self.stack.push(value.map_or(Value::Other, Value::Number));
        Some(())
    }

    fn push_text(&mut self, count: usize) -> Option<()> {
        let length = usize::try_from(self.number(count)?).ok()?;
        let text = String::from_utf8_lossy(self.bytes(length)?).into();
        self.stack.push(Value::Text(text));
        Some(())
    }

    fn push_bytes(&mut self, count: usize) -> Option<()> {
        let length = usize::try_from(self.number(count)?).ok()?;
        self.skip(length)?;
        self.stack.push(Value::Other);
        Some(())
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.bytes(count).map(|_| ())
    }

    fn line(&mut self) -> Option<String> {
        let length = self.program.get(self.at..)?.iter().position(|byte| *byte == b'\n')?;
        let text = String::from_utf8_lossy(self.bytes(length)?).into_owned();
        self.at += 1;
        Some(text)
    }
}

/// Values of a list, which have no keys.
fn listed(values: Vec<Value>) -> Vec<(Value, Value)> {
    values.into_iter().map(|value| (Value::Other, value)).collect()
}

/// The tensors of a program's result.
struct Found<'a> {
    items: &'a [Vec<(Value, Value)>],
    letters: usize,
    tensors: Vec<(String, Rc<View>)>,
}

impl Found<'_> {
    fn add(&mut self, value: &Value, name: String, depth: usize) -> Result<(), String> {
        self.letters += 1 + name.len();
        if depth > MAX_DEPTH || self.letters > MAX_NAMES {
            return Err("its dictionaries are nested without end".to_owned());
        }
        match value {
            Value::Tensor(view) => self.tensors.push((name, view.clone())),
            Value::Items(place) => {
                let mut keys = BTreeSet::new();
                for (i, (key, value)) in self.items[*place].iter().enumerate() {
                    let key = match key {
                        Value::Text(key) => key.to_string(),
                        Value::Number(key) => key.to_string(),
                        _ => i.to_string(),
                    };
                    if !keys.insert(key.clone()) {
                        return Err(format!("`{key}` is there twice"));
                    }
                    let name = if name.is_empty() { key } else { format!("{name}.{key}") };
                    self.add(value, name, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
