//! What is said of folders: of generated ones with planted faults, and of odd files from elsewhere.

mod damaged;
mod edge;
mod folders;
mod pictures;
mod planted;
mod real;
