//! Changes to a plan from the command line: `decay=0.7`, `upper.frozen="before layer3"`, `lora.rank=4`.

use toml::{Table, Value};

use super::Plan;
use crate::Error;

/// The part of a plan that is no phase.
const LORA: &str = "lora";

impl Plan {
    /// The plan with some of its entries changed, each written as `KEY=VALUE` with a value in TOML.
    ///
    /// `KEY` alone changes all phases, `PHASE.KEY` one, and `lora.KEY` what is added to the weights. Text needs no quotes
    /// where it is nothing else in TOML.
    ///
    /// # Errors
    ///
    /// If a change is not written so, or leaves no plan: the error names it, and the keys there are.
    pub fn with(self, changes: &[String]) -> Result<Self, Error> {
        let mut plan = self;
        for change in changes {
            plan = plan
                .changed(change)
                .map_err(|cause| Error::Change { change: change.clone(), cause })?;
        }
        Ok(plan)
    }

    fn changed(&self, change: &str) -> Result<Self, String> {
        let (key, text) = change.split_once('=').ok_or("write it as KEY=VALUE")?;
        let keys: Vec<&str> = key.trim().split('.').collect();
        let value = value(text.trim());
        let mut table = Table::try_from(self).map_err(|error| error.to_string())?;
        let named = |phase: &Value| phase.get("name").and_then(Value::as_str) == Some(keys[0]);
        match table.get_mut("phases").and_then(Value::as_array_mut) {
            Some(phases) if keys.len() > 1 && phases.iter().any(named) => {
                phases
                    .iter_mut()
                    .filter(|phase| named(phase))
                    .try_for_each(|phase| set(phase, &keys[1..], &value))?;
            }
            Some(phases) if keys[0] != LORA => {
                phases.iter_mut().try_for_each(|phase| set(phase, &keys, &value))?;
            }
            _ => set_in(&mut table, &keys, &value)?,
        }
        table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
    }
}

/// A value of TOML, or text that is none.
fn value(text: &str) -> Value {
    let document: Result<Table, _> = toml::from_str(&format!("value = {text}"));
    document
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(place: &mut Value, keys: &[&str], value: &Value) -> Result<(), String> {
    match place.as_table_mut() {
        Some(table) => set_in(table, keys, value),
        None => Err(format!("there is nothing below which `{}` could be", keys.join("."))),
    }
}

fn set_in(table: &mut Table, keys: &[&str], value: &Value) -> Result<(), String> {
    match keys {
        [] => Err("a key is missing".to_owned()),
        [key] => {
            table.insert((*key).to_owned(), value.clone());
            Ok(())
        }
        [key, rest @ ..] => {
            let inner =
                table.entry((*key).to_owned()).or_insert_with(|| Value::Table(Table::new()));
            set(inner, rest, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use rekindle_train::{OptimizerConfig, Schedule};

    use super::*;
    use crate::{Frozen, Recipe};

    fn changed(changes: &[&str]) -> Result<Plan, String> {
        let Recipe::Train(plan) = Recipe::named("gradual", 5, 0.01).unwrap() else { panic!() };
        let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
        plan.with(&changes).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_is_of_all_phases_or_of_one() {
        // Each change must leave a plan, and a rank alone leaves none.
        let error = changed(&["decay=0.7", "lora.rank=4", "lora.alpha=8"]).unwrap_err();
        assert!(error.contains("`lora.rank=4`: missing field `alpha`"));
        let plan = changed(&[
            "decay=0.7",
            "upper.frozen=before layer3",
            "middle.lr = 1e-5",
            "upper.optimizer={ sgd = { momentum = 0.9, weight_decay = 0.0 } }",
            "schedule=constant",
            "upper.stage_lr.layer4=1e-5",
            "lora={ rank = 4, alpha = 8 }",
            "lora.rank=2",
        ])
        .unwrap();
        assert!(plan.phases.iter().all(|phase| phase.decay == 0.7));
        assert!(plan.phases.iter().all(|phase| phase.schedule == Schedule::Constant));
        assert_eq!(plan.phases[0].frozen, Frozen::Before("layer3".to_owned()));
        assert_eq!((plan.phases[1].lr, plan.phases[0].lr), (1e-5, 1e-3));
        assert_eq!(plan.phases[0].stage_lr["layer4"], 1e-5);
        assert!(matches!(plan.phases[0].optimizer, OptimizerConfig::Sgd { .. }));
        assert!(matches!(plan.phases[1].optimizer, OptimizerConfig::AdamW { .. }));
        assert_eq!(plan.lora.unwrap().rank, 2);
    }

    #[test]
    fn a_change_that_cannot_be_is_named() {
        for (change, expected) in [
            ("decay", "`decay`: write it as KEY=VALUE"),
            ("speed=3", "`speed=3`: unknown field `speed`, expected one of `name`"),
            ("lower.lr=1", "`lower.lr=1`: unknown field `lower`"),
            ("frozen=everything", "invalid value: string \"everything\""),
            ("decay.x=1", "there is nothing below which `x` could be"),
        ] {
            let error = changed(&[change]).unwrap_err();
            assert!(error.contains(expected), "{change}: {error}");
        }
    }
}
