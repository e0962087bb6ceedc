//! The Backbone contract, and the layers that burn-nn lacks.
