//! Metrics over predictions: classification, calibration, regression, and how sure they are.
