//! Training on several devices at once: each computes the gradients of a batch, and their mean makes a step.
//!
//! Each device has a thread, which gets a copy of the model and a batch for each step and gives back gradients;
//! the loop of [`Fit`] adds them up in the order of the devices, whoever was ready first.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, Scope},
};

use burn::{
    module::{Module, ModuleMapper, Param},
    prelude::*,
    tensor::kind::Basic,
};

use crate::{
    BatchTarget, Callback, End, Error, Fit, FitData, Objective, State, TensorBatch,
    fit::autodiff_device,
    gradients::{Compute, Trained, trained},
};

/// What can be moved to another device, as inputs and targets are.
pub trait ToDevice {
    /// The same on `device`.
    fn to_device(self, device: &Device) -> Self;
}

impl<const D: usize, K: Basic> ToDevice for Tensor<D, K> {
    fn to_device(self, device: &Device) -> Self {
        Tensor::to_device(self, device)
    }
}

impl<L> ToDevice for BatchTarget<L> {
    fn to_device(self, device: &Device) -> Self {
        let teacher = self.teacher.map(|outputs| outputs.to_device(device));
        Self { teacher, ..self }
    }
}

impl Fit {
    /// As [`Fit::run`], on several devices: a step takes a batch for each (times
    /// [`accumulate`](crate::FitConfig::accumulate)), and its gradient is the mean over all of their examples.
    ///
    /// So `k` devices do what one does that accumulates `k` batches, to the last bit if they compute alike. The
    /// model stays where it is: the devices get copies of it for each step, and all else (steps, averages,
    /// evaluation, callbacks) happens on its own device, on this thread. Each device has a thread of its own, which
    /// ends with the run; one that is named twice has two, which on a CPU share its cores.
    ///
    /// What differs from one device:
    ///
    /// - **Running statistics** of norms are those of Burn's `RunningState`: each device moves them by its own batch,
    ///   and after each batch they become the mean of what the devices have, whatever the sizes of the batches. `k`
    ///   batches so move them once, as a batch of `k` times the size would, and not `k` times; with more than two
    ///   devices, their last bits depend on the order in which Burn adds them up. Training normalizes each batch by
    ///   itself, so the weights are the same. A norm that a forward pass runs twice takes the mean too early, with
    ///   whatever the other devices have by then.
    /// - **Dropout**, and whatever else draws from a device's random numbers: a backend has one stream of them, and
    ///   its threads draw in the order in which they come. Such a run is another one every time.
    /// - **What the objective holds** beside the model, such as a teacher, must take no gradients: make it `valid`, or
    ///   detach it. Threads whose graphs meet in a tensor can wait for each other for ever, since Burn's autodiff takes
    ///   its locks in one order to join graphs and in the other after a backward pass. The copies of the model share
    ///   no such tensor.
    ///
    /// # Errors
    ///
    /// As [`Fit::run`]; and if there is no device, or a step panics on one, be it in the objective or, for the lack
    /// of memory or of the device, in Burn.
    pub fn run_on<M, I, O>(
        &self,
        devices: &[Device],
        state: State<M>,
        objective: &O,
        data: impl FitData<I, O::Target>,
        callbacks: &mut [&mut dyn Callback<M>],
    ) -> Result<(State<M>, End), Error>
    where
        M: Module,
        I: ToDevice + Send,
        O: Objective<M, I, Target: ToDevice + Send> + Clone + Send,
    {
        if devices.is_empty() {
            return Err(Error::NoDevice);
        }
        thread::scope(|scope| {
            let start = |device: &Device| Worker::start(scope, device.clone(), objective.clone());
            let workers = devices.iter().map(start).collect();
            let mut workers = Workers { devices, workers };
            self.run_by(&mut workers, state, objective, &data, callbacks)
            // Without anybody to give them work, the threads end, and the scope with them.
        })
    }
}

/// A thread for each device.
struct Workers<'a, M, I, T> {
    devices: &'a [Device],
    workers: Vec<Worker<M, I, T>>,
}

/// The ends of what goes to a thread and comes back; each step that is given is answered.
struct Worker<M, I, T> {
    steps: Sender<(M, TensorBatch<I, T>)>,
    answers: Receiver<Result<Trained<T>, String>>,
}

impl<M: Module, I: ToDevice + Send, T: ToDevice + Send> Worker<M, I, T> {
    fn start<'scope, O>(scope: &'scope Scope<'scope, '_>, device: Device, objective: O) -> Self
    where
        M: 'scope,
        I: 'scope,
        T: 'scope,
        O: Objective<M, I, Target = T> + Send + 'scope,
    {
        let (steps, given) = channel::<(M, TensorBatch<I, T>)>();
        let (answer, answers) = channel();
        scope.spawn(move || {
            for (model, batch) in given {
                // All that a panic leaves behind are the model's copy and the batch, and they are dropped.
                let result = catch_unwind(AssertUnwindSafe(|| {
                    let TensorBatch { input, target, indices } = batch;
                    let (input, target) = (input.to_device(&device), target.to_device(&device));
                    trained(&model, &objective, TensorBatch { input, target, indices })
                }));
                if answer.send(result.map_err(message)).is_err() {
                    break;
                }
            }
        });
        Self { steps, answers }
    }
}

impl<M: Module, I, T> Compute<M, I, T> for Workers<'_, M, I, T> {
    fn devices(&self) -> &[Device] {
        self.devices
    }

    fn compute(
        &mut self,
        model: &M,
        batches: Vec<TensorBatch<I, T>>,
    ) -> Result<Vec<Trained<T>>, Error> {
        let main = autodiff_device(model);
        // All copies first: while they are made, no thread works on the graph of any other.
        let copies: Vec<M> = self
            .devices
            .iter()
            .take(batches.len())
            .map(|device| model.clone().fork(device))
            .collect();
        let count = copies.len();
        for (worker, step) in self.workers.iter().zip(copies.into_iter().zip(batches)) {
            // A thread that is gone gives no answer, which is an error below.
            drop(worker.steps.send(step));
        }
        // Every answer is waited for, even after a failure: what is left would be taken for the next step's.
        let answers = self.workers.iter().take(count).map(|worker| {
            worker.answers.recv().unwrap_or_else(|_| Err("its thread has ended".to_owned()))
        });
        let (mut all, mut failures) = (Vec::new(), Vec::new());
        for (place, answer) in answers.enumerate() {
            match answer {
                Ok(trained) => all.push(trained),
                Err(message) => {
                    failures.push(format!("device {place}, {:?}: {message}", self.devices[place]));
                }
            }
        }
        if !failures.is_empty() {
            return Err(Error::Devices { failures });
        }
        settle(model, &main);
        for trained in &mut all {
            let gradients = std::mem::take(&mut trained.gradients);
            trained.gradients = gradients.to_device(&main, model);
        }
        Ok(all)
    }
}

/// What a panic said.
fn message(payload: Box<dyn Any + Send>) -> String {
    let text = payload.downcast::<String>().map(|text| *text);
    text.or_else(|payload| payload.downcast::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|_| "a panic without a message".to_owned())
}

/// Makes one of the running statistics that each thread moved by its own batch: their mean, as Burn has it.
///
/// The forks of a model share them, so they lie where the last fork or sum put them; but an average of the model,
/// which is taken after each step, wants all of the model on one device.
fn settle<M: Module>(model: &M, main: &Device) {
    drop(model.valid());
    drop(model.clone().map(&mut Home(main)));
}

/// Moves what is elsewhere to a device.
struct Home<'a>(&'a Device);

impl ModuleMapper for Home<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if param.lazy_device() == *self.0 {
            return param;
        }
        param.map(|value| value.to_device(self.0))
    }
}
