//! A tensor that an operation may go without.

use burn::backend::{
    Autodiff, Backend, ExtensionType, Flex, autodiff::checkpoint::strategy::CheckpointStrategy,
    tensor::FloatTensor,
};

/// A tensor that may be missing: an [`Option`], as an extension of backends takes it.
#[derive(ExtensionType)]
pub(crate) enum Given<B: Backend> {
    /// It is there.
    Some(FloatTensor<B>),
    /// It is not.
    None,
}

impl<B: Backend> Given<B> {
    /// It, if it is there.
    pub(crate) fn of(tensor: Option<FloatTensor<B>>) -> Self {
        tensor.map_or(Self::None, Self::Some)
    }

    pub(super) fn get(&self) -> Option<&FloatTensor<B>> {
        match self {
            Self::Some(tensor) => Some(tensor),
            Self::None => None,
        }
    }

    pub(super) fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Some(tensor) => Some(tensor),
            Self::None => None,
        }
    }
}

impl<C: CheckpointStrategy> Given<Autodiff<Flex, C>> {
    /// Its values, without their graph.
    pub(super) fn inner(self) -> Given<Flex> {
        Given::of(self.into_option().map(FloatTensor::<Autodiff<Flex, C>>::into_primitive))
    }

    /// A parent of an operation: one that wants no gradient, if it is not there.
    pub(super) fn parent(
        &self,
        absent: &FloatTensor<Autodiff<Flex, C>>,
    ) -> FloatTensor<Autodiff<Flex, C>> {
        self.get().unwrap_or(absent).clone()
    }
}
