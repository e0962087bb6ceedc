//! The network that a model of pictures has.

use rekindle_transfer::Classifier;
use rekindle_vision::VisionBackbone;

/// A vision network with its head.
pub type Network = Classifier<VisionBackbone>;
