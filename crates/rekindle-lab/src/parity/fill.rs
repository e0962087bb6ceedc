//! The formula that fills weights: a value depends on the tensor's name, shape and index alone.
//!
//! ```text
//! h0    = FNV-1a 64 of the name
//! h(i)  = splitmix64 finalizer of h0 + (i + 1) * 0x9E3779B97F4A7C15
//! u(i)  = (h(i) >> 40) / 2^23 - 1                               in [-1, 1)
//! value = sqrt(6 / fan_in) u    two or more dimensions, fan_in = elements / shape[0]
//!         0.1 u                 shape[0] == 1 with two or more dimensions
//!         s + 0.2 s u           *running_var, s given by the golden file
//!         0.1 u                 *running_mean, *bias
//!         1 + 0.1 u             any other with fewer than two dimensions
//! ```

use rekindle_base::Random;

/// The values u of a name, in float32.
pub fn uniform(name: &str, count: usize) -> Vec<f32> {
    let mut random = Random::from_state(fnv1a(name));
    (0..count).map(|_| ((random.bits() >> 40) as f64 / (1 << 23) as f64 - 1.0) as f32).collect()
}

/// The values of a tensor of a state dict, every product rounded to float32.
pub fn fill(name: &str, shape: &[usize], running_var_scale: f64) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let (offset, amplitude) = if shape.len() >= 2 {
        let amplitude =
            if shape[0] == 1 { 0.1 } else { (6.0 * shape[0] as f64 / count as f64).sqrt() };
        (0.0, amplitude)
    } else if name.ends_with("running_var") {
        (running_var_scale, 0.2 * running_var_scale)
    } else if name.ends_with("running_mean") || name.ends_with("bias") {
        (0.0, 0.1)
    } else {
        (1.0, 0.1)
    };
    let (offset, amplitude) = (offset as f32, amplitude as f32);
    uniform(name, count).into_iter().map(|u| offset + amplitude * u).collect()
}

fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `tests/reference/golden.py` fills tensors with: three values of each kind.
    #[test]
    fn values_are_those_of_the_script_that_writes_golden_files() {
        let rows: [(&str, &[usize], f64, [f32; 3]); 6] = [
            ("conv1.weight", &[2, 1, 3, 3], 1.25, [0.073_607_07, 0.400_347_4, -0.779_065_67]),
            ("cls_token", &[1, 1, 4], 1.25, [-0.002_282_25, -0.030_737_758, 0.001_049_506_7]),
            ("bn1.running_var", &[3], 2.5, [2.642_307_5, 2.786_753_4, 2.970_779]),
            ("bn1.running_mean", &[3], 1.0, [0.046_889_987, 0.020_123_733, 0.008_419_49]),
            ("fc.bias", &[3], 1.0, [-0.004_469_740_7, -0.003_853_643, -0.043_987_393]),
            ("bn1.weight", &[3], 1.0, [0.972_040_8, 1.064_881_8, 1.013_837_6]),
        ];
        for (name, shape, variance, expected) in rows {
            let found = fill(name, shape, variance);
            assert_eq!(found.len(), shape.iter().product::<usize>(), "{name}");
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{name}: {found}");
            }
        }
    }
}
