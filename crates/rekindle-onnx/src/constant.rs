//! What does not depend on inputs, computed once: by Burn on the CPU.

use std::collections::{BTreeMap, BTreeSet};

use burn::{
    backend::Flex,
    tensor::{TensorData, read_sync},
};
use burn_flex::FlexDevice;
use burn_ir::{OperationIr, TensorId, TensorIr};
use burn_router::TensorInterpreter;

/// Runs operations whose operands are all known.
pub(crate) struct Constants {
    interpreter: TensorInterpreter<Flex>,
    known: BTreeMap<u64, TensorData>,
    given: BTreeSet<u64>,
}

impl Constants {
    pub(crate) fn new() -> Self {
        let interpreter = TensorInterpreter::new(FlexDevice);
        Self { interpreter, known: BTreeMap::new(), given: BTreeSet::new() }
    }

    /// A value that is known.
    pub(crate) fn insert(&mut self, id: u64, data: TensorData) {
        self.known.insert(id, data);
    }

    pub(crate) fn get(&self, id: u64) -> Option<&TensorData> {
        self.known.get(&id)
    }

    /// Whether all that an operation reads is known.
    pub(crate) fn knows(&self, operation: &OperationIr) -> bool {
        operation.inputs().all(|tensor| self.known.contains_key(&tensor.id.value()))
    }

    /// Computes an operation's outputs.
    pub(crate) fn run(&mut self, operation: &OperationIr) {
        for tensor in operation.inputs() {
            let id = tensor.id.value();
            if self.given.insert(id)
                && let Some(data) = self.known.get(&id)
            {
                self.interpreter.register_tensor_data_id(TensorId::new(id), data.clone());
            }
        }
        self.interpreter.register_op(operation.clone());
        let outputs: Vec<TensorIr> = operation.outputs().cloned().collect();
        for mut output in outputs {
            let id = output.id.value();
            output.status = burn_ir::TensorStatus::ReadOnly;
            if let Ok(data) = read_sync(self.interpreter.read_tensor_async(output)) {
                self.given.insert(id);
                self.known.insert(id, data);
            }
        }
    }
}
