//! CIE L\*a\*b\* to sRGB by the table that Little CMS makes of it, which Pillow uses.
//!
//! White is that of the D50 of ICC profiles (ICC.1:2010, 6.3.4.3; L\*a\*b\* of CIE 15:2004, 8.2.1.1). The table holds 33
//! steps a channel; between them Little CMS interpolates in tetrahedra, as Kasson et al. 1995 do.

/// Steps of each channel.
const STEPS: usize = 33;

/// X, Y and Z of white.
const WHITE: [f64; 3] = [0.9642, 1.0, 0.8249];

/// From X, Y and Z to sRGB's red, green and blue: the inverse of the colorants in its profile, adapted to D50.
const TO_RGB: [[f64; 3]; 3] = [
    [3.134_096, -1.617_400, -0.490_638],
    [-0.978_793, 1.916_295, 0.033_454],
    [0.071_971, -0.228_987, 1.405_380],
];

/// Colors at each step of L, a and b, in 16 bits.
pub(super) struct Table(Vec<[f32; 3]>);

impl Table {
    pub(super) fn new() -> Self {
        let part = |step: usize| step as f64 / (STEPS - 1) as f64;
        let of = |at: usize| {
            let [l, a, b] = [at / STEPS / STEPS, at / STEPS % STEPS, at % STEPS].map(part);
            exact([100.0 * l, 255.0 * a - 128.0, 255.0 * b - 128.0])
                .map(|value| (65535.0 * value).round() as f32)
        };
        Self((0..STEPS * STEPS * STEPS).map(of).collect())
    }

    /// The color of L without a sign, and a and b with one.
    pub(super) fn rgb(&self, [l, a, b]: [u8; 3]) -> [u8; 3] {
        let places = [l, a ^ 0x80, b ^ 0x80].map(|value| {
            let place = f32::from(value) * (STEPS - 1) as f32 / 255.0;
            let step = (place as usize).min(STEPS - 2);
            (step, place - step as f32)
        });
        const STRIDES: [usize; 3] = [STEPS * STEPS, STEPS, 1];
        let mut at = (0..3).map(|axis| places[axis].0 * STRIDES[axis]).sum::<usize>();
        // From corner to corner, along the axis first on which the color lies furthest.
        let mut axes = [0, 1, 2];
        axes.sort_by(|one, other| places[*other].1.total_cmp(&places[*one].1));
        let mut color = self.0[at];
        for axis in axes {
            let next = at + STRIDES[axis];
            let [from, to] = [self.0[at], self.0[next]];
            for (channel, value) in color.iter_mut().enumerate() {
                *value += places[axis].1 * (to[channel] - from[channel]);
            }
            at = next;
        }
        color.map(|value| (value / 257.0).round() as u8)
    }
}

/// Red, green and blue of sRGB, in 0..1.
fn exact([l, a, b]: [f64; 3]) -> [f64; 3] {
    let y = (l + 16.0) / 116.0;
    let linear = |value: f64| {
        if value > 24.0 / 116.0 { value.powi(3) } else { 108.0 / 841.0 * (value - 16.0 / 116.0) }
    };
    let [x, y, z] = [y + a / 500.0, y, y - b / 200.0].map(linear);
    let xyz = [x * WHITE[0], y * WHITE[1], z * WHITE[2]];
    TO_RGB.map(|row| {
        let value: f64 = row.iter().zip(xyz).map(|(factor, value)| factor * value).sum();
        let value = value.clamp(0.0, 1.0);
        if value <= 0.0031308 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
    })
}
