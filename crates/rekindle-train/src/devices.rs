//! Training on several devices at once: each computes the gradients of a batch, and their mean makes a step.
//!
//! The threads, and how models and gradients travel, are Burn's: this is `MultiDevicesTrainStep`, on which the
//! `MultiDevice` strategy of its learner stands, fed and read by the loop of [`Fit`].

use std::{fmt, marker::PhantomData};

use burn::{
    data::{
        dataloader::{DataLoaderIterator, Progress},
        dataset::DatasetError,
    },
    module::{Module, ModuleDisplay, ModuleMapper, Param},
    prelude::*,
    tensor::{ExecutionError, kind::Basic},
    train::{
        InferenceStep, ItemLazy, LearnerModel, TrainOutput, TrainStep,
        train::{MultiDeviceStepError, MultiDevicesTrainStep, WorkerFailure},
    },
};

use crate::{
    Batch, Callback, Classes, End, Error, Fit, Objective, Source, State, Tags, Train, Validation,
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

impl ToDevice for Classes {
    fn to_device(self, device: &Device) -> Self {
        let teacher = self.teacher.map(|logits| logits.to_device(device));
        Self { teacher, ..self }
    }
}

impl ToDevice for Tags {
    fn to_device(self, _: &Device) -> Self {
        self
    }
}

impl Fit {
    /// As [`Fit::run`], on several devices: a step takes a batch for each (times
    /// [`accumulate`](crate::Settings::accumulate)), and its gradient is the mean over all of their examples.
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
    pub fn run_on<M, I, O, T, V>(
        &self,
        devices: &[Device],
        state: State<M>,
        objective: &O,
        data: (&Train<T>, &Validation<V>),
        callbacks: &mut [&mut dyn Callback<M>],
    ) -> Result<(State<M>, End), Error>
    where
        M: Module + ModuleDisplay + 'static,
        I: ToDevice + Send + 'static,
        O: Objective<M, I, Target: ToDevice + Send + 'static> + Clone + Send + 'static,
        T: Source<I, O::Target>,
        V: Source<I, O::Target>,
    {
        if devices.is_empty() {
            return Err(Error::NoDevice);
        }
        let mut workers = Workers {
            devices: devices.to_vec(),
            step: MultiDevicesTrainStep::<Replica<M, Task<I, O>>>::new(devices),
        };
        self.run_by(&mut workers, state, objective, data, callbacks)
    }
}

/// Burn's threads, one for each device.
struct Workers<R: LearnerModel> {
    devices: Vec<Device>,
    step: MultiDevicesTrainStep<R>,
}

impl<M, I, O> Compute<M, I, O> for Workers<Replica<M, Task<I, O>>>
where
    M: Module + ModuleDisplay + 'static,
    I: ToDevice + Send + 'static,
    O: Objective<M, I, Target: ToDevice + Send + 'static> + Clone + Send + 'static,
{
    fn devices(&self) -> &[Device] {
        &self.devices
    }

    fn compute(
        &mut self,
        model: &M,
        objective: &O,
        batches: Vec<Batch<I, O::Target>>,
    ) -> Result<Vec<Trained<O::Target>>, Error> {
        let main = autodiff_device(model);
        let mut batches = batches.into_iter().enumerate();
        let mut queues: Vec<Box<dyn DataLoaderIterator<Placed<I, O::Target>>>> = Vec::new();
        for device in &self.devices {
            let next = batches.next().map(|(place, batch)| Placed {
                place,
                device: device.clone(),
                batch,
            });
            queues.push(Box::new(Queue(next)));
        }
        let task = Task { objective: objective.clone(), input: PhantomData };
        let replica = Replica { model: model.clone(), task };
        let (outputs, _) =
            self.step.step(&mut queues, &replica).map_err(|error| self.error(error))?;

        let mut all: Vec<_> = outputs.into_iter().map(|answer| answer.output).collect();
        // Whoever is ready first answers first; sums shall be the same every time.
        all.sort_by_key(|answer| answer.item.place);
        settle(model, &main);
        let home = |TrainOutput { grads, item: Answer { loss, outputs, target, indices, .. } }| {
            Trained { loss, outputs, target, indices, gradients: grads.to_device(&main, model) }
        };
        Ok(all.into_iter().map(home).collect())
    }
}

impl<R: LearnerModel> Workers<R> {
    fn error(&self, error: MultiDeviceStepError) -> Error {
        let mut failures = match error {
            MultiDeviceStepError::Dataset(error) => return Error::Data(error.into()),
            MultiDeviceStepError::Workers(failures) => failures,
        };
        failures.sort_by_key(|failure| failure.device_id);
        let named = |WorkerFailure { device_id, message }: WorkerFailure| {
            let kind = self.devices.get(device_id).map(|device| format!("{device:?}"));
            format!("device {device_id}, {}: {message}", kind.unwrap_or_default())
        };
        Error::Devices { failures: failures.into_iter().map(named).collect() }
    }
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

/// A model and what it learns, as Burn's workers take them.
#[derive(Module, Debug)]
struct Replica<M: Module, T: Clone + fmt::Debug + Send> {
    model: M,
    #[module(skip)]
    task: T,
}

/// What is learned, from which inputs.
struct Task<I, O> {
    objective: O,
    input: PhantomData<fn(I)>,
}

impl<I, O: Clone> Clone for Task<I, O> {
    fn clone(&self) -> Self {
        Self { objective: self.objective.clone(), input: PhantomData }
    }
}

impl<I, O> fmt::Debug for Task<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

/// A batch, its place among those of its step, and the device that it goes to.
struct Placed<I, T> {
    place: usize,
    device: Device,
    batch: Batch<I, T>,
}

/// What comes back from a device with the gradients.
struct Answer<T> {
    place: usize,
    loss: f64,
    outputs: Vec<f32>,
    target: T,
    indices: Vec<usize>,
}

impl<M, I, O> TrainStep for Replica<M, Task<I, O>>
where
    M: Module,
    I: ToDevice + Send + 'static,
    O: Objective<M, I, Target: ToDevice + Send + 'static> + Clone + Send,
{
    type Input = Placed<I, O::Target>;
    type Output = Answer<O::Target>;

    fn step(&self, placed: Placed<I, O::Target>) -> TrainOutput<Answer<O::Target>> {
        let Placed { place, device, batch: Batch { input, target, indices } } = placed;
        let (input, target) = (input.to_device(&device), target.to_device(&device));
        let batch = Batch { input, target, indices };
        let Trained { loss, outputs, target, indices, gradients } =
            trained(&self.model, &self.task.objective, batch);
        TrainOutput { grads: gradients, item: Answer { place, loss, outputs, target, indices } }
    }
}

/// Burn asks for it; models are evaluated by [`evaluate`](crate::evaluate).
impl<M: Module, T: Clone + fmt::Debug + Send> InferenceStep for Replica<M, T> {
    type Input = ();
    type Output = ();

    fn step(&self, (): ()) {}
}

/// Nothing is left to wait for: losses and outputs are numbers already.
impl<T: Send> ItemLazy for Answer<T> {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(self)
    }
}

/// The batch of one device in one step, as Burn wants to be given it.
struct Queue<T>(Option<T>);

impl<T> Iterator for Queue<T> {
    type Item = Result<T, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl<T> DataLoaderIterator<T> for Queue<T> {
    fn progress(&self) -> Progress {
        Progress::new(0, 1, None)
    }
}
