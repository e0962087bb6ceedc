//! The two small layers between squeeze and excitation.

use super::{
    activation::Activation,
    parallel::{Shared, parts},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;

/// Two linear layers with an activation behind each, from means `[batch, channels]` to factors of the same
/// shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate<'a, E> {
    /// Pictures. With the two below it cannot be told from the slices where one of them is zero.
    pub(crate) batch: usize,
    /// Channels of the means and of the factors.
    pub(crate) channels: usize,
    /// Channels between the layers.
    pub(crate) squeezed: usize,
    /// `[squeezed, channels]`
    pub(crate) reduce: &'a [E],
    /// `[squeezed]`
    pub(crate) reduce_bias: &'a [E],
    /// `[channels, squeezed]`
    pub(crate) expand: &'a [E],
    /// `[channels]`
    pub(crate) expand_bias: &'a [E],
    /// Behind the first and behind the second layer.
    pub(crate) activations: [Activation; 2],
}

/// Gradients of a gate.
#[derive(Debug)]
pub(crate) struct Gradients<E> {
    /// The factors themselves, computed once more.
    pub(crate) factors: Buffer<E>,
    /// The gradient of the means.
    pub(crate) means: Buffer<E>,
    /// Those of the layers, in the order of [`Gate`]'s fields.
    pub(crate) weights: [Buffer<E>; 4],
}

impl<E: Real> Gate<'_, E> {
    /// The factors of means.
    pub(crate) fn forward(&self, isa: Isa, means: &[E]) -> Buffer<E> {
        let [first, second] = self.activations;
        let mut hidden = self.reduced(isa, means);
        map(isa, &mut hidden, first, Part::Value);
        let mut factors = self.expanded(isa, &hidden);
        map(isa, &mut factors, second, Part::Value);
        factors
    }

    /// All gradients for that of the factors.
    pub(crate) fn backward(&self, isa: Isa, means: &[E], dfactors: &[E]) -> Gradients<E> {
        let [first, second] = self.activations;
        let before_first = self.reduced(isa, means);
        let mut hidden = Buffer::copy(&before_first);
        map(isa, &mut hidden, first, Part::Value);
        let before_second = self.expanded(isa, &hidden);
        let mut factors = Buffer::copy(&before_second);
        map(isa, &mut factors, second, Part::Value);

        let mut dsecond = before_second;
        map(isa, &mut dsecond, second, Part::Slope);
        dsecond.iter_mut().zip(dfactors).for_each(|(slope, &d)| *slope = *slope * d);
        let [expand, expand_bias, mut dfirst] =
            linear_back(isa, &hidden, self.expand, &dsecond, [self.squeezed, self.channels]);
        let mut slopes = before_first;
        map(isa, &mut slopes, first, Part::Slope);
        dfirst.iter_mut().zip(slopes.iter()).for_each(|(d, &slope)| *d = *d * slope);
        let [reduce, reduce_bias, means] =
            linear_back(isa, means, self.reduce, &dfirst, [self.channels, self.squeezed]);
        Gradients { factors, means, weights: [reduce, reduce_bias, expand, expand_bias] }
    }

    /// The first layer.
    fn reduced(&self, isa: Isa, means: &[E]) -> Buffer<E> {
        linear(isa, means, self.reduce, self.reduce_bias, [self.batch, self.channels])
    }

    /// The second layer.
    fn expanded(&self, isa: Isa, hidden: &[E]) -> Buffer<E> {
        linear(isa, hidden, self.expand, self.expand_bias, [self.batch, self.squeezed])
    }
}

/// `y = x w^T + bias`, `x` `[batch, in]`, `w` `[out, in]`.
fn linear<E: Real>(
    isa: Isa,
    x: &[E],
    w: &[E],
    bias: &[E],
    [batch, inputs]: [usize; 2],
) -> Buffer<E> {
    let outputs = bias.len();
    assert!(x.len() == batch * inputs && w.len() == inputs * outputs, "a layer of another shape");
    let mut y = Buffer::<E>::zeros(batch * outputs);
    let out = Shared::new(&mut y);
    parts(outputs, 32, |start, end| {
        for output in start..end {
            let w = &w[output * inputs..(output + 1) * inputs];
            for picture in 0..batch {
                let x = &x[picture * inputs..(picture + 1) * inputs];
                // SAFETY: the kernel holds slices, each output belongs to one task, and there is one for each picture.
                unsafe {
                    let sum = E::dispatch(isa, Dot { a: x, b: w });
                    *out.get().add(picture * outputs + output) = E::of(sum) + bias[output];
                }
            }
        }
    });
    y
}

/// The gradients of weights, bias and input of [`linear`].
fn linear_back<E: Real>(
    isa: Isa,
    x: &[E],
    w: &[E],
    dy: &[E],
    [inputs, outputs]: [usize; 2],
) -> [Buffer<E>; 3] {
    let mut dx = Buffer::<E>::zeros(x.len());
    let mut dw = Buffer::<E>::zeros(w.len());
    let mut bias = Buffer::<E>::zeros(outputs);
    for (picture, dy) in dy.chunks_exact(outputs.max(1)).enumerate() {
        let range = picture * inputs..(picture + 1) * inputs;
        let (x, dx) = (&x[range.clone()], &mut dx[range]);
        for (output, &d) in dy.iter().enumerate() {
            bias[output] = bias[output] + d;
            let range = output * inputs..(output + 1) * inputs;
            // SAFETY: the kernels hold slices.
            unsafe {
                E::dispatch(isa, Add { d, x: &w[range.clone()], y: dx });
                E::dispatch(isa, Add { d, x, y: &mut dw[range] });
            }
        }
    }
    [dw, bias, dx]
}

struct Dot<'a, E> {
    a: &'a [E],
    b: &'a [E],
}

impl<E: Real> Kernel<E> for Dot<'_, E> {
    type Output = f64;

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) -> f64 {
        let (a, b) = (self.a.as_ptr(), self.b.as_ptr());
        // SAFETY: no more than the slices is read.
        unsafe {
            let mut sum = S::zero();
            vectors!(S, self.a.len().min(self.b.len()), |at, left| {
                sum = S::fma(S::load_up_to(a.add(at), left), S::load_up_to(b.add(at), left), sum);
            });
            S::sum(sum)
        }
    }
}

/// `y += d * x`
struct Add<'a, E> {
    d: E,
    x: &'a [E],
    y: &'a mut [E],
}

impl<E: Real> Kernel<E> for Add<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let (x, y) = (self.x.as_ptr(), self.y.as_mut_ptr());
        // SAFETY: no more than the slices is read and written.
        unsafe {
            let d = S::splat(self.d);
            vectors!(S, self.x.len().min(self.y.len()), |at, left| {
                let sum = S::fma(S::load_up_to(x.add(at), left), d, S::load_up_to(y.add(at), left));
                S::store_up_to(y.add(at), sum, left);
            });
        }
    }
}

/// What is wanted of an activation.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Value,
    Slope,
}

fn map<E: Real>(isa: Isa, values: &mut [E], activation: Activation, part: Part) {
    // SAFETY: the kernel holds a slice.
    unsafe { E::dispatch(isa, FeatureMap { values, activation, part }) };
}

struct FeatureMap<'a, E> {
    values: &'a mut [E],
    activation: Activation,
    part: Part,
}

impl<E: Real> Kernel<E> for FeatureMap<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let p = self.values.as_mut_ptr();
        // SAFETY: no more than the slice is read and written.
        unsafe {
            vectors!(S, self.values.len(), |at, left| {
                let x = S::load_up_to(p.add(at), left);
                let y = match self.part {
                    Part::Value => self.activation.value::<S>(x),
                    Part::Slope => self.activation.slope::<S>(x),
                };
                S::store_up_to(p.add(at), y, left);
            });
        }
    }
}
