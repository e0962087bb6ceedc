use super::*;

/// Computed by the code that these streams were drawn with before they had one home.
const EXPECTED: [u64; 9] = [
    0x3f7b_164d_3b18_9280,
    0x3fd9_fea9_2361_daea,
    0x3ff7_6427_25df_db76,
    0x408e_9000_0000_0000,
    0xbff5_ea9a_71d6_0735,
    0x3fdc_930f_6c53_e541,
    0x4003_6ac7_6401_28a3,
    0xc021_cf01_9883_10ab,
    0x3fe1_b566_a6be_1b0c,
];
const SHUFFLED: [usize; 8] = [5, 7, 3, 0, 6, 2, 1, 4];

/// The first outputs for the seed 1234567, as published with the reference C code.
#[test]
fn bits_are_the_references() {
    let mut random = Random::from_state(1_234_567);
    for expected in [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ] {
        assert_eq!(random.bits(), expected);
    }
}

#[test]
fn streams_differ_by_each_of_their_three_numbers() {
    let first = |seed, epoch, index| Random::new(seed, epoch, index).bits();
    let mut seen: Vec<u64> =
        (0..1000).map(|number| first(number / 100, number / 10 % 10, number % 10)).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 1000);
    assert_eq!(first(1, 2, 3), first(1, 2, 3));
}

/// Runs that were saved go on from them.
#[test]
fn numbers_are_what_they_always_were() {
    let mut random = Random::new(7, 1, 2);
    let drawn = [
        random.unit(),
        random.open_unit(),
        random.between(-1.0, 3.0),
        random.below(1000) as f64,
        random.normal(),
        random.gamma(0.3),
        random.gamma(4.5),
        random.gamma_logarithm(0.2),
        random.gamma_logarithm(2.0),
    ];
    assert_eq!(drawn.map(f64::to_bits), EXPECTED);
    let mut items: Vec<usize> = (0..8).collect();
    random.shuffle(&mut items);
    assert_eq!(items, SHUFFLED);
}

#[test]
fn units_lie_in_their_intervals_and_are_spread_evenly() {
    let mut random = Random::new(0, 0, 0);
    let mut counts = [0; 10];
    (0..10_000).for_each(|_| counts[random.below(10)] += 1);
    assert!(counts.iter().all(|&count| (850..1150).contains(&count)), "{counts:?}");
    let mean = (0..10_000).map(|_| random.between(2.0, 4.0)).sum::<f64>() / 10_000.0;
    assert!((mean - 3.0).abs() < 0.03, "{mean}");
    assert_eq!(random.below(0), 0);
    for _ in 0..10_000 {
        let (unit, open) = (random.unit(), random.open_unit());
        assert!((0.0..1.0).contains(&unit) && open > 0.0 && open < 1.0, "{unit} {open}");
    }
}

#[test]
fn normal_and_gamma_numbers_have_their_mean_and_variance() {
    const DRAWS: usize = 20_000;
    let moments = |draw: &dyn Fn(&mut Random) -> f64| {
        let mut random = Random::new(1, 0, 0);
        let draws: Vec<f64> = (0..DRAWS).map(|_| draw(&mut random)).collect();
        let mean = draws.iter().sum::<f64>() / DRAWS as f64;
        (mean, draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / DRAWS as f64)
    };
    let (mean, variance) = moments(&Random::normal);
    assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    for shape in [0.3, 1.0, 4.5] {
        let ways: [&dyn Fn(&mut Random) -> f64; 2] =
            [&|random| random.gamma(shape), &|random| random.gamma_logarithm(shape).exp()];
        for way in ways {
            let (mean, variance) = moments(way);
            let off = [(mean - shape) / shape, (variance - shape) / shape];
            assert!(off.iter().all(|off| off.abs() < 0.1), "{shape}: {mean} {variance}");
        }
    }
    // Where the number itself is too small.
    let mut random = Random::new(0, 0, 0);
    assert!((0..1000).all(|_| random.gamma_logarithm(1e-4).is_finite()));
}

#[test]
fn a_shuffle_keeps_every_item() {
    let mut items: Vec<usize> = (0..100).collect();
    Random::new(7, 0, 0).shuffle(&mut items);
    assert_ne!(items, (0..100).collect::<Vec<_>>());
    items.sort_unstable();
    assert_eq!(items, (0..100).collect::<Vec<_>>());
}
/// Shares below a few places, against `scipy.stats.beta(alpha, alpha).cdf`.
#[test]
fn betas_are_distributed_so() {
    let places = [0.01, 0.1, 0.3, 0.5];
    for (alpha, expected) in [
        (0.1, [0.320_308, 0.406_385, 0.462_804, 0.5]),
        (0.2, [0.209_778, 0.336_69, 0.433_204, 0.5]),
        (0.8, [0.020_717, 0.131_806, 0.324_061, 0.5]),
        (1.0, [0.01, 0.1, 0.3, 0.5]),
        (2.0, [0.000_298, 0.028, 0.216, 0.5]),
    ] {
        let mut stream = Random::new(7, 0, 0);
        let drawn: Vec<f64> = (0..40_000).map(|_| stream.beta(alpha)).collect();
        assert!(drawn.iter().all(|x| (0.0..=1.0).contains(x)), "{alpha}");
        for (place, expected) in places.into_iter().zip(expected) {
            let below = drawn.iter().filter(|&&x| x < place).count() as f64;
            let found = below / drawn.len() as f64;
            // Four standard deviations of such a share.
            assert!((found - expected).abs() < 0.01, "{alpha}, {place}: {found}, {expected}");
        }
    }
    // Too small for the Gamma's themselves.
    let mut stream = Random::new(7, 0, 0);
    assert!((0..1000).all(|_| stream.beta(1e-4).is_finite()));
}
