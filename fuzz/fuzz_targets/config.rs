//! Whatever the text of a `config.json` is, it is read or refused; what is read is written and read again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rekindle_cards::{HubConfig, InputSpec, MAX_CLASSES, MAX_INPUT_NUMBERS};

fuzz_target!(|text: &str| {
    let Ok(config) = HubConfig::from_json(text) else { return };
    assert!(HubConfig::is_one(text));
    assert!(config.classes <= MAX_CLASSES && config.labels.len() <= MAX_CLASSES);
    if let InputSpec::Image(_) = config.input {
        for image in [config.image().cloned(), config.test_image()] {
            let numbers: usize = image.expect("it is one").input_size.iter().product();
            assert!(numbers <= MAX_INPUT_NUMBERS);
        }
    }
    let again = HubConfig::from_json(&config.to_json().expect("it was checked"));
    assert_eq!(again.expect("it was written here"), config);
    [0, config.classes].into_iter().for_each(|class| drop(config.label(class).map(str::to_owned)));
});
