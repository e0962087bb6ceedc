//! Which tensors of a file hold which parameters of a module, by its family's rules.

use std::collections::BTreeMap;

use rekindle_layers::{ParameterInfo, Rule};

use crate::{Error, Naming, naming::before};

/// Tensors and parameters that hold the same values; there is one of the former or one of the latter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// The tensors' names.
    pub(crate) file: Vec<String>,
    /// The parameters, by their place in the module.
    pub(crate) parameters: Vec<usize>,
}

/// The groups of a module's parameters, in the order of the first of each.
///
/// # Errors
///
/// Where rules name parameters that are not there or do not fit each other, or names repeat.
pub(crate) fn groups(wanted: &[ParameterInfo], naming: &Naming) -> Result<Vec<Group>, Error> {
    let mut problems = Vec::new();
    let mut places = BTreeMap::new();
    for (place, parameter) in wanted.iter().enumerate() {
        if places.insert(parameter.name.as_str(), place).is_some() {
            problems.push(format!("two parameters of the network are called {}", parameter.name));
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut done = vec![false; wanted.len()];
    for (place, parameter) in wanted.iter().enumerate() {
        if done[place] {
            continue;
        }
        let (file, names) = tensors(&parameter.name, naming);
        let mut parameters = Vec::new();
        for name in &names {
            match places.get(name.as_str()) {
                Some(place) => parameters.push(*place),
                None => problems.push(format!("{}: the network lacks {name}", file.join(", "))),
            }
        }
        parameters.iter().for_each(|place| done[*place] = true);
        let group = Group { file, parameters };
        problems.extend(group.problem(wanted));
        groups.push(group);
    }
    if problems.is_empty() { Ok(groups) } else { Err(Error::Rules { problems }) }
}

/// The tensors that a parameter is in, and all parameters that are in them.
fn tensors(name: &str, naming: &Naming) -> (Vec<String>, Vec<String>) {
    let found = naming.rules.of(name).find_map(|(within, name, rule)| match rule {
        Rule::Split { file, parameters } => {
            let before = parameters.iter().find_map(|end| before(name, end))?;
            let prefix = format!("{within}{before}");
            Some((vec![format!("{prefix}{file}")], prefixed(&prefix, parameters)))
        }
        Rule::Join { file, parameter } => {
            let prefix = format!("{within}{}", before(name, parameter)?);
            Some((prefixed(&prefix, file), vec![format!("{within}{name}")]))
        }
        _ => None,
    });
    found.unwrap_or_else(|| (vec![name.to_owned()], vec![name.to_owned()]))
}

fn prefixed(prefix: &str, ends: &[&str]) -> Vec<String> {
    ends.iter().map(|end| format!("{prefix}{end}")).collect()
}

impl Group {
    /// Whether one tensor is one parameter, as almost all are.
    pub(crate) fn is_single(&self) -> bool {
        self.file.len() == 1 && self.parameters.len() == 1
    }

    /// The checkpoint's shape of each tensor: all are of one.
    pub(crate) fn shape(&self, wanted: &[ParameterInfo]) -> Vec<usize> {
        let mut shape = self
            .parameters
            .first()
            .map_or_else(Vec::new, |first| wanted[*first].checkpoint_shape());
        if !self.is_single()
            && let Some(rows) = shape.first_mut()
        {
            *rows = self.rows(wanted).sum::<usize>() / self.file.len().max(1);
        }
        shape
    }

    /// Extent of each parameter along the first axis.
    pub(crate) fn rows<'a>(
        &'a self,
        wanted: &'a [ParameterInfo],
    ) -> impl Iterator<Item = usize> + 'a {
        self.parameters
            .iter()
            .map(|place| wanted[*place].checkpoint_shape().first().copied().unwrap_or(1))
    }

    /// Why the parameters cannot lie one after the other.
    fn problem(&self, wanted: &[ParameterInfo]) -> Option<String> {
        if self.is_single() {
            return None;
        }
        let inner = |place: &usize| wanted[*place].checkpoint_shape().get(1..).map(<[_]>::to_vec);
        let same = self.parameters.windows(2).all(|two| inner(&two[0]) == inner(&two[1]));
        let flat = self.parameters.iter().any(|place| wanted[*place].shape.is_empty());
        let uneven = self.rows(wanted).sum::<usize>() % self.file.len().max(1) != 0;
        let file = self.file.join(", ");
        if !same || flat {
            Some(format!("{file}: its parameters differ in more than the first axis"))
        } else if uneven {
            Some(format!("{file}: the parameter does not divide into {}", self.file.len()))
        } else {
            None
        }
    }
}
