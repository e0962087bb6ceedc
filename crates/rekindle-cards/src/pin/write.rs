//! Writes `weights/<family>.toml`: the same text for the same pins, in whatever order they come.

use serde::Serialize;

use super::Pin;
use crate::{Card, Error, families};

#[derive(Serialize)]
struct Written<'a> {
    pin: Vec<&'a Pin>,
}

impl Pin {
    /// The text of `weights/<family>.toml`, in the order of the cards.
    ///
    /// # Errors
    ///
    /// [`Error::Rows`] with what [`Pin::parse`] would find wrong with the text.
    pub fn to_toml(family: &str, pins: &[Self]) -> Result<String, Error> {
        let file = format!("weights/{family}.toml");
        let cards = families()?.iter().flat_map(|family| &family.cards);
        let order: Vec<String> = cards.map(Card::name).collect();
        let mut sorted: Vec<&Self> = pins.iter().collect();
        sorted.sort_by_key(|pin| {
            let place = order.iter().position(|name| *name == pin.card);
            (place.unwrap_or(usize::MAX), &pin.card, &pin.file)
        });
        let rows = match sorted.is_empty() {
            true => String::new(),
            false => toml::to_string(&Written { pin: sorted }).map_err(|error| Error::Rows {
                file: file.clone(),
                problems: vec![error.to_string()],
            })?,
        };
        let text = format!(
            "# Pins: which file of which revision each card of models/{family}.toml stands for, one [[pin]] a\n\
             # checkpoint. Written by `cargo xtask pin`, which compares each with its card.\n\n{rows}"
        );
        // What could not be read again is not written.
        Self::parse(&file, &text)?;
        Ok(text.trim_end().to_owned() + "\n")
    }
}

#[cfg(test)]
mod tests {
    use crate::{HubConfig, Pin, PinnedFile, find};

    fn pin(name: &str, file: &str) -> Pin {
        let card = find(name).unwrap();
        Pin {
            card: card.name(),
            repository: card.repository.clone().unwrap(),
            commit: "0".repeat(40),
            file: file.to_owned(),
            bytes: 1,
            sha256: "0".repeat(64),
            license: card.license.clone(),
            classifier: card.classifier.clone(),
            classes: card.classes,
            parameters: card.parameters,
            input: HubConfig::from_card(card).input,
            files: vec![PinnedFile {
                name: Pin::CONFIG.to_owned(),
                bytes: 1,
                sha256: "1".repeat(64),
            }],
        }
    }

    #[test]
    fn the_text_does_not_depend_on_the_order_and_is_read_back() {
        let names = ["resnet50.tv_in1k", "resnet18.a1_in1k", "resnet50.a1_in1k", "resnet50.bamboo"];
        let mut pins: Vec<Pin> = names.iter().map(|name| pin(name, "model.safetensors")).collect();
        pins.push(pin("resnet18.a1_in1k", "another.safetensors"));
        let text = Pin::to_toml("resnet", &pins).unwrap();
        pins.reverse();
        assert_eq!(Pin::to_toml("resnet", &pins).unwrap(), text);
        let read = Pin::parse("weights/resnet.toml", &text).unwrap();
        let order: Vec<_> = read.iter().map(|pin| (pin.card.as_str(), pin.file.as_str())).collect();
        let sorted = [
            ("resnet18.a1_in1k", "another.safetensors"),
            ("resnet18.a1_in1k", "model.safetensors"),
            ("resnet50.a1_in1k", "model.safetensors"),
            ("resnet50.tv_in1k", "model.safetensors"),
            ("resnet50.bamboo", "model.safetensors"),
        ];
        assert_eq!(order, sorted);
        assert!(read.iter().all(|pin| pins.contains(pin)));
        assert!(text.contains("mean = [0.485, 0.456, 0.406]\n"), "{text}");
        assert!(text.starts_with("# Pins: ") && text.ends_with("\"\n"), "{text}");
        assert!(read.iter().all(|pin| pin.differences(find(&pin.card).unwrap()).is_empty()));
    }

    #[test]
    fn no_pin_is_a_file_too() {
        let text = Pin::to_toml("vgg", &[]).unwrap();
        assert_eq!(Pin::parse("weights/vgg.toml", &text).unwrap(), []);
    }

    #[test]
    fn what_could_not_be_read_is_not_written() {
        let mut bad = pin("resnet18.a1_in1k", "model.safetensors");
        bad.sha256 = "short".to_owned();
        let message = Pin::to_toml("resnet", &[bad]).unwrap_err().to_string();
        assert!(message.contains("weights/resnet.toml") && message.contains("sha256"), "{message}");
        let twice = vec![pin("resnet18.a1_in1k", "model.safetensors"); 2];
        assert!(Pin::to_toml("resnet", &twice).unwrap_err().to_string().contains("twice"));
    }
}
