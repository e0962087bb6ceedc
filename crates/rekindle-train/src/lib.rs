//! The training loop: optimizers, schedules, metrics and events.
