//! The devices a user can choose, and whether this build has them.

use std::{fmt, str::FromStr};

use burn::tensor::Device;

use crate::Error;

/// A device by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceKind {
    /// The processor.
    #[default]
    Cpu,
    /// The first NVIDIA card.
    Cuda,
    /// The best card with Vulkan.
    Vulkan,
}

impl FromStr for DeviceKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            "vulkan" => Ok(Self::Vulkan),
            _ => Err(format!("unknown device `{name}`; known are cpu, cuda and vulkan")),
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
        })
    }
}

impl DeviceKind {
    /// Opens the device.
    ///
    /// # Errors
    ///
    /// If this build has it not; the error says which feature is missing.
    pub fn open(self) -> Result<Device, Error> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(Device::cuda(0)),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => Err(Error::DeviceMissing("cuda")),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Ok(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(not(feature = "vulkan"))]
            Self::Vulkan => Err(Error::DeviceMissing("vulkan")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_compiled_in_is_said() {
        for (name, feature) in
            [("cuda", cfg!(feature = "cuda")), ("vulkan", cfg!(feature = "vulkan"))]
        {
            if !feature {
                let error = name.parse::<DeviceKind>().unwrap().open().unwrap_err().to_string();
                assert!(error.contains(&format!("--features {name}")), "{error}");
            }
        }
        assert!("cpu".parse::<DeviceKind>().unwrap().open().is_ok());
        assert!("tpu".parse::<DeviceKind>().unwrap_err().contains("cpu, cuda and vulkan"));
    }
}
