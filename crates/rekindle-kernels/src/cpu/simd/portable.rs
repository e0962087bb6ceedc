//! Vectors of 128 bits in arrays; the compiler finds the instructions.

use super::{Isa, Kernel, Real, Simd};

/// Four `f32`.
#[derive(Clone, Copy)]
pub(super) struct Single;

/// Two `f64`.
#[derive(Clone, Copy)]
pub(super) struct Double;

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn of(value: f64) -> Self {
        value as Self
    }

    fn wide(self) -> f64 {
        f64::from(self)
    }

    fn lanes(isa: Isa) -> usize {
        match isa {
            Isa::Avx512 => 16,
            Isa::Avx2 => 8,
            Isa::Portable => Single::LANES,
        }
    }

    #[inline]
    unsafe fn dispatch<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output {
        // SAFETY: the caller vouches for the instructions and the pointers.
        unsafe {
            match isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => super::x86::avx512::<super::x86::Single16, _>(kernel),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => super::x86::avx2::<super::x86::Single8, _>(kernel),
                _ => kernel.run::<Single>(),
            }
        }
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn of(value: f64) -> Self {
        value
    }

    fn wide(self) -> f64 {
        self
    }

    fn lanes(isa: Isa) -> usize {
        match isa {
            Isa::Avx512 | Isa::Avx2 => 4,
            Isa::Portable => Double::LANES,
        }
    }

    #[inline]
    unsafe fn dispatch<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output {
        // SAFETY: the caller vouches for the instructions and the pointers; AVX-512 comes with AVX2.
        unsafe {
            match isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 | Isa::Avx2 => super::x86::avx2::<super::x86::Double4, _>(kernel),
                _ => kernel.run::<Double>(),
            }
        }
    }
}

/// An array of `$op` for each lane.
macro_rules! lanes {
    ($lanes:literal, $i:ident => $op:expr) => {{
        let mut out = [0.0; $lanes];
        let mut $i = 0;
        while $i < $lanes {
            out[$i] = $op;
            $i += 1;
        }
        out
    }};
}

/// An implementation over an array.
macro_rules! array {
    ($name:ty, $element:ty, $lanes:literal, exp2: $exp2:expr, exp: $exp:expr, erf: $erf:expr) => {
        // SAFETY: plain Rust; only pointers are left to the caller.
        unsafe impl Simd for $name {
            type E = $element;
            type V = [$element; $lanes];
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn splat(value: $element) -> Self::V {
                [value; $lanes]
            }
            #[inline(always)]
            unsafe fn load(p: *const $element) -> Self::V {
                // SAFETY: valid by contract; an unaligned read asks no more.
                unsafe { p.cast::<Self::V>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn load_part(p: *const $element, n: usize) -> Self::V {
                let mut v = [0.0; $lanes];
                for i in 0..n.min($lanes) {
                    // SAFETY: `n` numbers by contract.
                    v[i] = unsafe { *p.add(i) };
                }
                v
            }
            #[inline(always)]
            unsafe fn store(p: *mut $element, v: Self::V) {
                // SAFETY: valid by contract; an unaligned write asks no more.
                unsafe { p.cast::<Self::V>().write_unaligned(v) }
            }
            #[inline(always)]
            unsafe fn store_part(p: *mut $element, v: Self::V, n: usize) {
                for i in 0..n.min($lanes) {
                    // SAFETY: `n` numbers by contract.
                    unsafe { *p.add(i) = v[i] };
                }
            }
            #[inline(always)]
            unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
                lanes!($lanes, i => a[i] + b[i])
            }
            #[inline(always)]
            unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
                lanes!($lanes, i => a[i] - b[i])
            }
            #[inline(always)]
            unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
                lanes!($lanes, i => a[i] * b[i])
            }
            #[inline(always)]
            unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
                lanes!($lanes, i => a[i] / b[i])
            }
            #[inline(always)]
            unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                // Without the instruction, `mul_add` calls a function.
                if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
                    lanes!($lanes, i => a[i].mul_add(b[i], c[i]))
                } else {
                    lanes!($lanes, i => a[i] * b[i] + c[i])
                }
            }
            #[inline(always)]
            unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
                lanes!($lanes, i => if a[i] > b[i] { a[i] } else { b[i] })
            }
            #[inline(always)]
            unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
                lanes!($lanes, i => if a[i] < b[i] { a[i] } else { b[i] })
            }
            #[inline(always)]
            unsafe fn sqrt(a: Self::V) -> Self::V {
                lanes!($lanes, i => a[i].sqrt())
            }
            #[inline(always)]
            unsafe fn select_gt(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
                lanes!($lanes, i => if a[i] > b[i] { yes[i] } else { no[i] })
            }
            #[inline(always)]
            unsafe fn select_ge(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
                lanes!($lanes, i => if a[i] >= b[i] { yes[i] } else { no[i] })
            }
            #[inline(always)]
            unsafe fn exp2_whole(n: Self::V) -> Self::V {
                lanes!($lanes, i => $exp2(n[i]))
            }
            #[inline(always)]
            unsafe fn exp(x: Self::V) -> Self::V {
                // SAFETY: plain Rust.
                unsafe { $exp(x) }
            }
            #[inline(always)]
            unsafe fn erf(x: Self::V) -> Self::V {
                // SAFETY: plain Rust.
                unsafe { $erf(x) }
            }
        }
    };
}

array!(Single, f32, 4, exp2: power_of_2, exp: super::exp_f32::<Single>, erf: super::erf_f32::<Single>);
array!(Double, f64, 2, exp2: f64::exp2, exp: exp_f64, erf: erf_f64);

#[inline(always)]
fn power_of_2(n: f32) -> f32 {
    f32::from_bits(((n as i32 + 127) as u32) << 23)
}

#[inline(always)]
unsafe fn exp_f64(x: [f64; 2]) -> [f64; 2] {
    x.map(f64::exp)
}

#[inline(always)]
unsafe fn erf_f64(x: [f64; 2]) -> [f64; 2] {
    x.map(libm::erf)
}
