//! What `rekindle models` says where nothing was asked for: the families, and the best of each size.

use rekindle::cards::{Card, Family, LicenseFilter, Query, SortBy, Terms};

use super::{SIZES, in_brackets, input, size};
use crate::cli::millions;

/// Prints families, then the best of each size among those that anybody may use.
pub(super) fn print(families: &[Family]) -> Result<(), rekindle::cards::Error> {
    say!("{:<14} {:>8} {:>11} {:>16}  for", "family", "networks", "checkpoints", "parameters");
    for family in families {
        let mut networks: Vec<_> = family.cards.iter().map(|card| &card.architecture).collect();
        networks.sort_unstable();
        networks.dedup();
        let sizes = || family.cards.iter().map(|card| card.parameters);
        let (least, most) = (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0));
        say!(
            "{:<14} {:>8} {:>11} {:>16}  {}",
            family.name,
            networks.len(),
            family.cards.len(),
            match [least, most].map(millions) {
                [least, most] if least == most => least,
                [least, most] => format!("{least} to {most}"),
            },
            family.use_for,
        );
    }
    say!("\nthe most accurate on ImageNet of each size, of those that may be used for anything");
    say!("{:>8}  {:<42} {:>8} {:>6}  license", "at most", "checkpoint", "input", "top-1");
    for card in best_of_each_size()? {
        say!(
            "{:>8}  {:<42} {:>8} {:>6}  {}",
            size(card).map_or("any".to_owned(), |size| format!("{}M", SIZES[size])),
            card.name(),
            input(card),
            card.top1.map_or("-".to_owned(), |top1| format!("{top1:.1}")),
            in_brackets(card),
        );
    }
    let count: usize = families.iter().map(|family| family.cards.len()).sum();
    say!(
        "\n{count} checkpoints: `rekindle models --all` lists them, `--family NAME`, `--sort top1`, `--max-params 10M` or a part of \
         the name some"
    );
    Ok(())
}

/// For each size the permissive checkpoint of the best top-1, if it is better than those of all smaller sizes.
fn best_of_each_size() -> Result<Vec<&'static Card>, rekindle::cards::Error> {
    let query = Query {
        license: Some(LicenseFilter::Permissive),
        min_top1: Some(0.0),
        sort: Some(SortBy::Top1),
        ..Query::default()
    };
    let ranked = query.run()?;
    let mut found: Vec<&Card> = Vec::new();
    for size in SIZES {
        let fits = |card: &&&Card| {
            card.parameters <= size * 1_000_000 && card.terms() == Terms::Permissive
        };
        if let Some(best) = ranked.iter().find(fits)
            && found.last().is_none_or(|last| last.name() != best.name())
        {
            found.push(best);
        }
    }
    Ok(found)
}
