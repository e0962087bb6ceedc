//! Tables of what is learned for each distance between two patches of a window, for windows of another size.

/// A table of distances `[distances, heads]` of square windows for larger or smaller ones, as timm's `resize_rel_pos_bias_table`:
/// distances grow from the middle by a factor that lets both tables end alike, and what lies between is interpolated.
///
/// # Errors
///
/// If the heads differ, or a table is of windows that are no squares.
pub(crate) fn resample_relative(
    values: &[f32],
    from: &[usize],
    to: &[usize],
) -> Result<Vec<f32>, String> {
    let (&[rows_from, heads], &[rows_to, heads_to]) = (from, to) else {
        return Err("a table of distances has two axes".to_owned());
    };
    if heads != heads_to || values.len() != rows_from * heads {
        return Err("the tables are of other heads".to_owned());
    }
    let side = |rows: usize| {
        let side = rows.isqrt();
        (side % 2 == 1 && side * side == rows).then_some(side)
    };
    let (Some(old), Some(new)) = (side(rows_from), side(rows_to)) else {
        return Err(format!("{rows_from} or {rows_to} distances are not those of a square window"));
    };
    let neighbors = neighbors(old, new);
    let mut out = Vec::with_capacity(rows_to * heads);
    for down in &neighbors {
        for right in &neighbors {
            out.extend((0..heads).map(|head| {
                let corners = down.iter().flat_map(|down| right.map(|right| (*down, right)));
                let sum: f64 = corners
                    .map(|((y, of_y), (x, of_x))| {
                        of_y * of_x * f64::from(values[(y * old + x) * heads + head])
                    })
                    .sum();
                sum as f32
            }));
        }
    }
    Ok(out)
}

/// Of each of `new` distances the two of `old` ones that it lies between, and the share of each.
fn neighbors(old: usize, new: usize) -> Vec<[(usize, f64); 2]> {
    let (half, reach) = (old / 2, (new / 2) as f64);
    let (mut low, mut high) = (1.01_f64, 1.5_f64);
    let mut factor = low;
    while high - low > 1e-6 {
        factor = f64::midpoint(low, high);
        let end = (1.0 - factor.powi(half as i32)) / (1.0 - factor);
        if end > reach { high = factor } else { low = factor }
    }
    let mut places = vec![0.0];
    let mut step = 1.0;
    for index in 0..half {
        places.push(step);
        places.insert(0, -step);
        step += factor.powi(index as i32 + 1);
    }
    let between = |place: f64| {
        let right = places.iter().position(|at| *at >= place).unwrap_or(old - 1);
        let left = right.saturating_sub(1);
        let [after, before] = [places[right] - place, place - places[left]].map(|far| far.max(0.0));
        let [after, before] = if after + before == 0.0 { [1.0, 1.0] } else { [after, before] };
        let whole = after + before;
        [(left, after / whole), (right, before / whole)]
    };
    (0..new).map(|index| between(index as f64 - reach)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// timm 1.0.31's `resize_rel_pos_bias_table` of `10 sin(0.7 i)`.
    #[test]
    fn tables_are_resampled_as_timm_does() {
        let rows: [(usize, usize, [f32; 8]); 3] = [
            (7, 3, [1.34184, 9.9713, -9.04823, 6.60748, 8.39723, -9.87342, 9.69691, 4.00482]),
            (7, 12, [2e-5, -1.27579, -0.16697, 6.72123, 4.60868, 2.10687, 0.9089, -2.76881]),
            (3, 4, [0.0, 0.16814, 2.34399, 6.6957, 9.92766, 8.27328, 4.45564, 2.54682]),
        ];
        for (old, new, expected) in rows {
            let shape = |window: usize| [(2 * window - 1).pow(2), 2];
            let values: Vec<f32> = (0..shape(old).iter().product::<usize>())
                .map(|index| ((index as f64 * 0.7).sin() * 10.0) as f32)
                .collect();
            let found = resample_relative(&values, &shape(old), &shape(new)).unwrap();
            for (index, expected) in expected.iter().enumerate() {
                let found = found[index * (found.len() - 1) / 7];
                assert!((found - expected).abs() < 2e-4, "{old} to {new}: {found}, {expected}");
            }
        }
        for to in [[25, 3], [24, 2], [16, 2]] {
            assert!(resample_relative(&[0.0; 18], &[9, 2], &to).is_err(), "{to:?}");
        }
    }
}
