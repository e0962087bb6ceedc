//! What becomes of every tensor of a file and every parameter of a module, before a value is read.

use std::collections::{BTreeMap, BTreeSet};

use rekindle_files::{CheckpointFile, TensorInfo};
use rekindle_layers::{ParameterInfo, Resample};

use crate::{
    Error, LoadReport, Naming,
    layout::{Group, groups},
    prefix::{self, Prefix},
};

/// What becomes of the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadPolicy {
    /// It is loaded; one of another size is an error.
    Required,
    /// It is loaded if its size agrees, and re-initialized otherwise.
    IfSameSize,
    /// It is re-initialized, because its classes mean something else.
    Fresh,
}

/// The channels that a first convolution is adapted from: red, green and blue.
const COLORS: usize = 3;

/// How one parameter is read.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// The tensors that it is made of, by the file's names.
    pub(crate) tensors: Vec<String>,
    /// The rows of these that are its own, where others share them: the first, and how many of all.
    pub(crate) share: Option<Share>,
    pub(crate) change: Change,
    /// Another tensor that must hold the same values.
    pub(crate) twin: Option<String>,
}

/// A part of a tensor along its first axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) first: usize,
    pub(crate) rows: usize,
    pub(crate) of: usize,
}

/// What happens to values that are read.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Copy,
    Transpose,
    AdaptChannels { from: usize, to: usize },
    Resample { by: Resample, from: Vec<usize>, to: Vec<usize> },
}

/// How each parameter is read, by Burn's path, and what became of every tensor.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) steps: BTreeMap<String, Step>,
    pub(crate) report: LoadReport,
}

/// Accounts for every parameter in `wanted` and every tensor of the file.
pub(crate) fn account(
    wanted: &[ParameterInfo],
    file: &CheckpointFile,
    naming: &Naming,
    policy: HeadPolicy,
) -> Result<Account, Error> {
    let groups = groups(wanted, naming)?;
    let mismatch = |problems| Error::Mismatch { path: file.path().to_owned(), problems };
    let names = groups.iter().flat_map(|group| &group.file).map(String::as_str);
    let mut expected: BTreeSet<&str> = names.collect();
    let twins: Vec<String> =
        expected.iter().filter_map(|name| Some(naming.twin(name)?.0)).collect();
    expected.extend(twins.iter().map(String::as_str));
    let prefix = match prefix::find(&expected, file, naming) {
        Prefix::All(prefix) => prefix,
        Prefix::None(problem) => return Err(mismatch(vec![problem])),
    };
    let left = file.tensors().map(|(name, _)| name).collect();
    let steps = BTreeMap::new();
    let mut ledger = Ledger {
        wanted,
        file,
        naming,
        prefix: &prefix,
        left,
        steps,
        report: LoadReport::new(file, &prefix),
        problems: Vec::new(),
    };
    let fresh_head = ledger.fresh_head(policy);
    for group in &groups {
        match &fresh_head {
            Some(reason) if group.file.iter().all(|name| naming.is_head(name)) => {
                ledger.draw_anew(group, reason);
            }
            _ => ledger.enter(group),
        }
    }
    ledger.close();
    let Ledger { steps, report, problems, .. } = ledger;
    if problems.is_empty() { Ok(Account { steps, report }) } else { Err(mismatch(problems)) }
}

/// The account while it is drawn up.
struct Ledger<'a> {
    wanted: &'a [ParameterInfo],
    file: &'a CheckpointFile,
    naming: &'a Naming,
    /// What stands before every name of the file.
    prefix: &'a str,
    /// Tensors that nothing has asked for yet, by the file's names.
    left: BTreeSet<&'a str>,
    steps: BTreeMap<String, Step>,
    report: LoadReport,
    problems: Vec<String>,
}

impl Ledger<'_> {
    fn in_file(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn get(&self, name: &str) -> Option<&TensorInfo> {
        self.file.get(&self.in_file(name))
    }

    /// Takes a tensor; says whether it was there.
    fn take(&mut self, name: &str) -> bool {
        let name = self.in_file(name);
        self.left.remove(name.as_str())
    }

    /// Leaves parameters as they were drawn.
    fn draw_anew(&mut self, group: &Group, reason: &str) {
        for name in &group.file {
            if self.take(name) {
                let why = "classifier of another task".to_owned();
                self.report.unused.push((name.clone(), why));
            }
        }
        for place in &group.parameters {
            let name = self.wanted[*place].name.clone();
            self.report.reinitialized.push((name, reason.to_owned()));
        }
    }

    /// Accounts for a group: its parameters are read, or something is wrong.
    fn enter(&mut self, group: &Group) {
        let mut tensors = group.file.clone();
        let twin = if group.is_single() { self.twin(&mut tensors) } else { None };
        let absent: Vec<String> =
            tensors.iter().filter(|name| self.get(name).is_none()).cloned().collect();
        let names: Vec<&str> =
            group.parameters.iter().map(|place| self.wanted[*place].name.as_str()).collect();
        let optional: Option<Vec<&str>> =
            names.iter().map(|name| self.naming.optional(name)).collect();
        if let Some(reasons) = optional
            && absent.len() == tensors.len()
        {
            let drawn = names.into_iter().zip(reasons);
            let drawn = drawn.map(|(name, reason)| (name.to_owned(), reason.to_owned()));
            self.report.reinitialized.extend(drawn.collect::<Vec<_>>());
            return;
        }
        let shape = group.shape(self.wanted);
        let mut changes = Vec::new();
        for name in &tensors {
            if absent.contains(name) {
                self.problems.push(format!("missing: {name} {shape:?}"));
            } else {
                changes.push(self.change(name, &shape, group));
                self.take(name);
            }
        }
        // One change for all: a tensor that is shared or joined has the shape that it must have.
        if changes.len() == tensors.len()
            && let Some(Some(change)) = changes.pop()
            && changes.iter().all(Option::is_some)
        {
            self.read(group, &tensors, &change, twin);
        }
    }

    /// Has parameters read as `change` says.
    fn read(&mut self, group: &Group, tensors: &[String], change: &Change, twin: Option<String>) {
        for name in tensors {
            match how(change) {
                None => self.report.loaded.push(name.clone()),
                Some(how) => self.report.adapted.push((name.clone(), how)),
            }
        }
        let tensors: Vec<String> = tensors.iter().map(|name| self.in_file(name)).collect();
        let rows: Vec<usize> = group.rows(self.wanted).collect();
        let of = rows.iter().sum();
        let mut first = 0;
        for (place, rows) in group.parameters.iter().zip(rows) {
            let parameter = &self.wanted[*place];
            let share = (group.parameters.len() > 1).then_some(Share { first, rows, of });
            first += rows;
            let change = match change {
                Change::Copy if parameter.transposed => Change::Transpose,
                change => change.clone(),
            };
            let step = Step { tensors: tensors.clone(), share, change, twin: twin.clone() };
            self.steps.insert(parameter.path.clone(), step);
        }
    }

    /// What turns a tensor that is there into its parameters; none where nothing does.
    fn change(&mut self, name: &str, to: &[usize], group: &Group) -> Option<Change> {
        let (dtype, from) = self.get(name).map(|info| (info.dtype, info.shape.clone()))?;
        if !dtype.is_float() {
            self.problems.push(format!("not a float tensor: {name} is {}", dtype.name()));
            return None;
        }
        if from == to {
            return Some(Change::Copy);
        }
        let resample = self.naming.resample(name).filter(|_| group.is_single());
        if self.naming.is_first_convolution(name) && group.is_single() && adaptable(&from, to) {
            return Some(Change::AdaptChannels { from: from[1], to: to[1] });
        }
        if let Some(by) = resample {
            return Some(Change::Resample { by, from, to: to.to_vec() });
        }
        self.problems.push(format!("shape: {name} is {from:?} in the file, {to:?} in the network"));
        None
    }

    /// The second name of a single parameter where the file has both; where it has that one alone, it is read.
    fn twin(&mut self, tensors: &mut [String]) -> Option<String> {
        let [name] = tensors else { return None };
        let (twin, _) = self.naming.twin(name)?;
        self.get(&twin)?;
        if self.get(name).is_none() {
            *name = twin;
            return None;
        }
        self.take(&twin);
        let twin_in_file = self.in_file(&twin);
        self.report.unused.push((twin, format!("the same as {name}")));
        Some(twin_in_file)
    }

    /// Accounts for what is left over.
    fn close(&mut self) {
        for name in std::mem::take(&mut self.left) {
            let ours = name.strip_prefix(self.prefix).unwrap_or(name);
            if let Some(reason) = self.naming.unused(ours) {
                self.report.unused.push((ours.to_owned(), reason.to_owned()));
            } else if self.naming.is_head(ours) && self.naming.head.is_empty() {
                let why = "the network has no classifier".to_owned();
                self.report.unused.push((ours.to_owned(), why));
            } else {
                let shape = self.file.get(name).map_or(&[][..], |info| &info.shape);
                self.problems.push(format!("left over: {name} {shape:?}"));
            }
        }
    }

    /// Why the head is re-initialized, if it is.
    fn fresh_head(&self, policy: HeadPolicy) -> Option<String> {
        match policy {
            HeadPolicy::Required => None,
            HeadPolicy::Fresh => Some("its classes are others than the checkpoint's".to_owned()),
            HeadPolicy::IfSameSize => self.wanted.iter().find_map(|parameter| {
                let shape = parameter.checkpoint_shape();
                match self.get(&parameter.name) {
                    _ if !self.naming.is_head(&parameter.name) => None,
                    None => Some("the checkpoint has none".to_owned()),
                    // A head that reads other embeddings is another architecture's: not excused.
                    Some(info) if info.shape.get(1..) != shape.get(1..) => None,
                    Some(info) if info.shape[0] == shape[0] => None,
                    Some(info) => {
                        Some(format!("{} classes, the checkpoint has {}", shape[0], info.shape[0]))
                    }
                }
            }),
        }
    }
}

/// What a change does, where that is more than to lay values out.
fn how(change: &Change) -> Option<String> {
    match change {
        Change::Copy | Change::Transpose => None,
        Change::AdaptChannels { from, to } => Some(format!("{to} input channels from {from}")),
        Change::Resample { from, to, .. } => Some(format!("resampled from {from:?} to {to:?}")),
    }
}

/// timm's rule: any number of channels is summed into one; colors are repeated for other numbers.
fn adaptable(from: &[usize], to: &[usize]) -> bool {
    match (from, to) {
        ([o1, i1, h1, w1], [o2, i2, h2, w2]) => {
            (o1, h1, w1) == (o2, h2, w2) && *i2 > 0 && (*i2 == 1 || *i1 == COLORS)
        }
        _ => false,
    }
}
