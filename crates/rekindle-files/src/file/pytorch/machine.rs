//! The stack machine that a pickle is written for, with the instructions that `torch.save` uses.
//!
//! Those of protocol 2, as PyTorch's own `weights_only` reader has them: what is missing copies,
//! discards, extends or names objects in ways that no state dict needs. The layout of arguments is
//! that of Python's `pickletools.py`.

use std::collections::{BTreeMap, HashMap};

use super::value::{Value, Values};
use super::{Problem, calls};
use crate::file::section::Section;

/// Instructions that a file may have. A tensor takes about 40, so this is 12,500 of them.
const MAX_STEPS: usize = 500_000;
/// Bytes that a name of a Python object may have.
const MAX_NAME_BYTES: usize = 256;

/// What `BINPERSID` refers to.
pub(super) enum Persistent {
    /// Nothing: the pickle has plain objects only.
    Nothing,
    /// Storages, described on the spot.
    Storages,
    /// Tensors that were described before.
    Tensors(BTreeMap<String, Value>),
}

/// Reads pickles, one after the other, into the same values.
pub(super) struct Machine {
    pub(super) values: Values,
    steps: usize,
}

impl Machine {
    pub(super) fn new() -> Self {
        Self { values: Values::default(), steps: 0 }
    }

    /// Reads one pickle and stops behind it.
    pub(super) fn read(
        &mut self,
        input: &mut Section<'_>,
        persistent: &Persistent,
    ) -> Result<Value, Problem> {
        let mut run = Run {
            values: &mut self.values,
            persistent,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        loop {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(Problem::Refused(
                    "its pickle has more than half a million steps".into(),
                ));
            }
            match input.byte()? {
                b'.' => return run.pop(),
                opcode => run.step(opcode, input)?,
            }
        }
    }
}

/// A pickle as it is read.
struct Run<'a> {
    values: &'a mut Values,
    persistent: &'a Persistent,
    stack: Vec<Value>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl Run<'_> {
    fn step(&mut self, opcode: u8, input: &mut Section<'_>) -> Result<(), Problem> {
        let value = match opcode {
            0x80 => return protocol(input.byte()?),
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            b'q' => return self.remember(input.byte()?.into()),
            b'r' => return self.remember(u32::from_le_bytes(input.array()?)),
            b'a' | b'e' => return self.append(opcode == b'e'),
            b's' | b'u' => return self.set_items(opcode == b'u'),
            // The state of an object: of a state dict that is PyTorch's version numbers.
            b'b' => return self.pop().map(drop),

            b'h' => self.recall(input.byte()?.into())?,
            b'j' => self.recall(u32::from_le_bytes(input.array()?))?,
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(input.byte()?.into()),
            b'M' => Value::Int(u16::from_le_bytes(input.array()?).into()),
            b'J' => Value::Int(i32::from_le_bytes(input.array()?).into()),
            0x8a => long(input)?,
            b'G' => {
                input.array::<8>()?;
                Value::Opaque
            }
            b'U' => {
                let bytes = input.byte()?;
                self.text(bytes.into(), input)?
            }
            b'T' | b'X' => {
                let bytes = u32::from_le_bytes(input.array()?);
                self.text(bytes.into(), input)?
            }
            b')' => Value::Tuple(self.values.push_list(Vec::new())),
            b']' => Value::List(self.values.push_list(Vec::new())),
            b'}' => Value::Dict(self.values.push_dict(Vec::new())),
            // An empty set, which no tensor is in.
            0x8f => Value::Opaque,
            0x85..=0x87 => {
                let items = self.pop_last(usize::from(opcode - 0x84))?;
                Value::Tuple(self.values.push_list(items))
            }
            b't' => {
                let items = self.pop_to_mark()?;
                Value::Tuple(self.values.push_list(items))
            }
            b'c' => Value::Global(calls::find(&line(input)?, &line(input)?)?),
            b'Q' => {
                let id = self.pop()?;
                self.persistent(id)?
            }
            b'R' | 0x81 => {
                let args = self.pop()?;
                let callable = self.pop()?;
                calls::call(self.values, callable, args)?
            }
            _ => {
                let reason = format!(
                    "its pickle has instruction {opcode:#04x}, which torch.save does not write"
                );
                return Err(Problem::Refused(reason));
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn text(&mut self, bytes: u64, input: &mut Section<'_>) -> Result<Value, Problem> {
        // Before anything is allocated for it.
        if bytes > input.left() {
            return Err(Problem::Damaged("a text is longer than what is left".into()));
        }
        self.values.add_text(bytes)?;
        let mut text = vec![0; bytes as usize];
        input.fill(&mut text)?;
        Ok(match std::str::from_utf8(&text) {
            Ok(text) => self.values.push_text(text),
            // Bytes of Python 2, beside the weights.
            Err(_) => Value::Opaque,
        })
    }

    fn persistent(&mut self, id: Value) -> Result<Value, Problem> {
        match self.persistent {
            Persistent::Storages => calls::storage(self.values, id),
            Persistent::Tensors(tensors) => {
                let key = calls::key_text(self.values, id)?;
                let tensor = tensors.get(&*key).copied();
                tensor.ok_or_else(|| Problem::Damaged(format!("there is no tensor {key:?}")))
            }
            Persistent::Nothing => {
                Err(Problem::Damaged("it refers to a storage where there is none".into()))
            }
        }
    }

    fn append(&mut self, many: bool) -> Result<(), Problem> {
        let items = if many { self.pop_to_mark()? } else { self.pop_last(1)? };
        match self.top()? {
            Value::List(list) => self.values.list_mut(list).extend(items),
            Value::Opaque => {}
            _ => return Err(Problem::Damaged("something is appended to what is no list".into())),
        }
        Ok(())
    }

    fn set_items(&mut self, many: bool) -> Result<(), Problem> {
        let items = if many { self.pop_to_mark()? } else { self.pop_last(2)? };
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err(Problem::Damaged("a dictionary has a key without a value".into()));
        };
        match self.top()? {
            Value::Dict(dict) => {
                let pairs = pairs.iter().map(|[key, value]| (*key, *value));
                self.values.dict_mut(dict).extend(pairs);
            }
            Value::Opaque => {}
            _ => return Err(Problem::Damaged("an item is set in what is no dictionary".into())),
        }
        Ok(())
    }

    fn remember(&mut self, place: u32) -> Result<(), Problem> {
        let value = self.top()?;
        self.memo.insert(place, value);
        Ok(())
    }

    fn recall(&self, place: u32) -> Result<Value, Problem> {
        let value = self.memo.get(&place).copied();
        value.ok_or_else(|| Problem::Damaged("it refers to an object before it was made".into()))
    }

    /// The number of values above the last mark.
    fn height(&self) -> usize {
        self.stack.len() - self.marks.last().copied().unwrap_or_default()
    }

    fn top(&self) -> Result<Value, Problem> {
        let top = self.stack.last().filter(|_| self.height() > 0).copied();
        top.ok_or_else(too_few)
    }

    fn pop(&mut self) -> Result<Value, Problem> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<Value>, Problem> {
        if self.height() < count {
            return Err(too_few());
        }
        Ok(self.stack.split_off(self.stack.len() - count))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, Problem> {
        let mark = self.marks.pop().ok_or_else(too_few)?;
        Ok(self.stack.split_off(mark))
    }
}

fn protocol(version: u8) -> Result<(), Problem> {
    if version == 2 {
        return Ok(());
    }
    let reason = format!("its pickle has protocol {version}, and torch.save writes 2");
    Err(Problem::Refused(reason))
}

/// A number of up to 255 bytes, of which none that matters has more than eight.
fn long(input: &mut Section<'_>) -> Result<Value, Problem> {
    let bytes = usize::from(input.byte()?);
    let mut number = [0; 255];
    let number = &mut number[..bytes];
    input.fill(number)?;
    let sign = if number.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut extended = [sign; 8];
    Ok(match extended.get_mut(..bytes) {
        Some(start) => {
            start.copy_from_slice(number);
            Value::Int(i64::from_le_bytes(extended))
        }
        None => Value::Opaque,
    })
}

/// A line of text, which names a module or something in it.
fn line(input: &mut Section<'_>) -> Result<String, Problem> {
    let mut line = Vec::new();
    loop {
        match input.byte()? {
            b'\n' => break,
            _ if line.len() == MAX_NAME_BYTES => {
                let reason = format!("it names something in more than {MAX_NAME_BYTES} bytes");
                return Err(Problem::Refused(reason));
            }
            byte => line.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn too_few() -> Problem {
    Problem::Damaged("an instruction lacks what it works on".into())
}
