//! The page of one run: what came out first, then how, then what of.

use crate::{Better, RunRecord, checkup::findings, markup::capital};

mod cards;
mod classes;
mod columns;
mod confusion;
mod evaluation;
mod facts;
mod forecast;
mod shell;
mod tasks;
mod tiles;
mod training;
mod words;

pub(crate) use cards::{card, layout, marked};
pub(crate) use evaluation::{interval, rank, reached};
pub(crate) use facts::data;
pub use forecast::forecasts;
pub(crate) use shell::{document, figure, problems, section, table};
pub(crate) use training::{LOSS, rates, series};
pub(crate) use words::plain;

/// The run as one page of HTML. It fetches nothing and reads the same with scripts turned off.
///
/// Parts that the record does not have are left out; where it contradicts itself, the page says so.
pub fn html(run: &RunRecord) -> String {
    let many = run.items.many();
    let mut sections = vec![section("training", "Training", &training::content(run))];
    for (place, evaluation) in run.evaluations.iter().enumerate() {
        let id = format!("evaluation-{place}");
        sections.push(section(
            &id,
            &evaluation::title(evaluation, run.items),
            &evaluation::content(evaluation, run.items),
        ));
    }
    let better = run.history.as_ref().map_or(Better::Higher, |history| history.monitored.better);
    sections.extend([
        section("columns", "Columns", &columns::content(run.columns.as_ref(), better)),
        section(
            many,
            &format!("{} worth a look", capital(many)),
            &cards::content(&run.galleries, run.items),
        ),
        section("plan", "Plan", &facts::plan(run.plan.as_ref())),
        section("data", "Data", &facts::data(run.data.as_ref(), run.items)),
        section("checkup", "What the doctor found", &findings(run.checkup.as_ref())),
        section("weights", "Weights", &facts::weights(run.weights.as_ref())),
        section("notes", "Notes", &facts::notes(&run.notes)),
        section("again", "Run it again", &facts::again(run)),
    ]);
    let opening = evaluation::opening(run) + &problems(&run.problems());
    document(&run.title, &opening, &sections)
}
