//! Lessons, checked: embeddings of one length with labels that are there.

use crate::{Code, Lesson, Problem, wire::TeachBody};

/// The lesson of a body, for embeddings of so many numbers.
///
/// # Errors
///
/// If there is nothing to tell apart, or an example does not fit.
pub(crate) fn lesson_of(body: TeachBody, dim: usize) -> Result<Lesson, Problem> {
    let TeachBody { labels: names, examples, .. } = body;
    let mut labels = Vec::with_capacity(examples.len());
    let mut embeddings = Vec::with_capacity(examples.len() * dim);
    for (place, example) in examples.into_iter().enumerate() {
        let field = |of: &str| format!("examples[{place}].{of}");
        let bad = |of: &str, what: String| Err(Problem::of(Code::BadRequest, &field(of), what));
        let (found, many) = (example.embedding.len(), names.len());
        if example.label >= many {
            return bad("label", format!("{} is beyond the {many} labels", example.label));
        }
        if found != dim {
            let what = format!("has {found} numbers, the model's embeddings have {dim}");
            return bad("embedding", what);
        }
        if example.embedding.iter().any(|value| !value.is_finite()) {
            return bad("embedding", "has a number that is not finite".to_owned());
        }
        labels.push(example.label);
        embeddings.extend(example.embedding);
    }
    check(&names, &labels)?;
    Ok(Lesson { names, embeddings, labels })
}

fn check(names: &[String], labels: &[usize]) -> Result<(), Problem> {
    let bad = |field: &str, what: String| Err(Problem::of(Code::BadRequest, field, what));
    if names.len() < 2 {
        return bad("labels", "are too few; name two or more to tell apart".to_owned());
    }
    for (place, name) in names.iter().enumerate() {
        let field = format!("labels[{place}]");
        if name.trim().is_empty() {
            return bad(&field, "is empty; name it".to_owned());
        }
        if names[..place].contains(name) {
            return bad(&field, "is there twice; name it otherwise".to_owned());
        }
        if !labels.contains(&place) {
            return bad(&field, "has no example; give one or more, or leave it out".to_owned());
        }
    }
    Ok(())
}

/// The lesson of a body of `/v1/teach`, for embeddings of so many numbers.
///
/// # Errors
///
/// Whatever is wrong with it.
pub fn lesson(body: &[u8], dim: usize) -> Result<Lesson, Problem> {
    lesson_of(crate::parse::json(body)?, dim)
}
