//! Memory for maps, kept from one operation to the next.
//!
//! A training step needs the same memory again and again. Asking the system for fresh pages costs more than
//! most operations that fill them: three microseconds for every four kilobytes on a virtual machine, which is
//! a third of the speed of memory. So freed blocks wait for the next operation, in regions that lie in huge
//! pages where the system has them.
//!
//! A block is cut from the smallest free range that holds it, and joined with its neighbours when it is
//! freed. So a network that needs little at a time stays in little memory, which the last cache holds: a map
//! that is written to memory that no cache has takes twice as long.

use std::{
    alloc::Layout,
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    sync::Mutex,
};

use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

use crate::cpu::Real;

/// Alignment of every block: a line of the cache, and the longest vector.
const LINE: usize = 64;
/// A huge page: regions are aligned to it.
const HUGE: usize = 2 << 20;
/// Smaller blocks come from the system's allocator, which keeps its own lists of them.
const SMALL: usize = 4 << 10;
/// No region is smaller.
const REGION: usize = 32 << 20;
/// Free ranges may take half of what was ever in use, and this much more: the order in which a network frees
/// its maps is not the order in which it wants them.
const SPARE: usize = 64 << 20;
/// Blocks are as long as they must be and nothing waits, so that a sanitizer sees every step beyond one:
/// `--cfg exact_memory`, see CONTRIBUTING.md; under Miri always.
const EXACT: bool = cfg!(any(exact_memory, miri));

/// Bytes that no block exceeds: rounding a size up does not overflow, and every layout is valid.
const MOST: usize = isize::MAX as usize / 4;

/// Numbers in a block of the pool; every one of them is initialized.
pub(crate) struct Buffer<E> {
    block: Block,
    len: usize,
    element: PhantomData<E>,
}

impl<E: Real> Buffer<E> {
    /// Numbers of any value: those that were there before, or zeros.
    pub(crate) fn any(len: usize) -> Self {
        let bytes = len.checked_mul(size_of::<E>()).filter(|&bytes| bytes <= MOST);
        let Some(bytes) = bytes else {
            panic!("{len} numbers do not fit the memory of any machine")
        };
        Self { block: Block::take(bytes), len, element: PhantomData }
    }

    /// Zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self::filled(len, E::ZERO)
    }

    /// The same number everywhere.
    pub(crate) fn filled(len: usize, value: E) -> Self {
        let mut buffer = Self::any(len);
        buffer.fill(value);
        buffer
    }

    /// A copy.
    pub(crate) fn copy(slice: &[E]) -> Self {
        let mut buffer = Self::any(slice.len());
        buffer.copy_from_slice(slice);
        buffer
    }

    /// The block as Burn holds data.
    pub(crate) fn into_bytes(self) -> Bytes {
        let bytes = self.len * size_of::<E>();
        // SAFETY: a block is at least as long, and all of it is initialized.
        unsafe { Bytes::from_controller(Box::new(self.block), bytes) }
    }
}

impl<E: Real> Deref for Buffer<E> {
    type Target = [E];

    fn deref(&self) -> &[E] {
        // SAFETY: the block is long enough, aligned, initialized (any bits are a float), and ours.
        unsafe { std::slice::from_raw_parts(self.block.start.as_ptr().cast(), self.len) }
    }
}

impl<E: Real> DerefMut for Buffer<E> {
    fn deref_mut(&mut self) -> &mut [E] {
        // SAFETY: as above, and borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.block.start.as_ptr().cast(), self.len) }
    }
}

impl<E> std::fmt::Debug for Buffer<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({})", self.len)
    }
}

/// Memory that goes back to the pool when it is dropped.
struct Block {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: a block is memory that nobody else knows.
unsafe impl Send for Block {}
// SAFETY: as above; without a mutable borrow it is only read.
unsafe impl Sync for Block {}

impl Block {
    /// At least `bytes`, from the pool or the system.
    fn take(bytes: usize) -> Self {
        let size = bytes.max(1).next_multiple_of(if EXACT { 1 } else { LINE });
        let start = match Self::is_pooled(size) {
            true => with_pool(|pool| pool.take(size)),
            false => system::allocate(size),
        };
        Self { start, size }
    }

    fn is_pooled(size: usize) -> bool {
        !EXACT && size >= SMALL
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        match Self::is_pooled(self.size) {
            true => with_pool(|pool| pool.give(self.start, self.size)),
            false => system::free(self.start, self.size),
        }
    }
}

// A block is `Box`ed as what stands behind Burn's bytes.
impl AllocationController for Block {
    fn alloc_align(&self) -> usize {
        // A block is aligned to more; Burn's own memory, which copies of this are made in, to no more than this.
        align_of::<u128>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _policy: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        // SAFETY: the block is ours and as long as it says.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.size) })
    }

    fn memory(&self, _policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        // SAFETY: the block is ours and as long as it says.
        Ok(unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.size) })
    }
}

/// Regions of memory, and the ranges of them that are free.
#[derive(Default)]
struct Pool {
    /// Sizes by start.
    regions: BTreeMap<usize, Region>,
    /// Sizes by start; no two ranges of a region touch.
    free: BTreeMap<usize, usize>,
    /// The same, by size and start.
    by_size: BTreeSet<(usize, usize)>,
    used_bytes: usize,
    most_used_bytes: usize,
    region_bytes: usize,
}

/// Memory that the system gave in one piece.
struct Region {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: a region is memory that only its pool hands out.
unsafe impl Send for Region {}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

fn with_pool<T>(task: impl FnOnce(&mut Pool) -> T) -> T {
    // A pool whose holder panicked still says what is free.
    let mut pool = POOL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    task(pool.get_or_insert_default())
}

impl Pool {
    /// A block of this size, cut from the smallest free range that holds it.
    fn take(&mut self, size: usize) -> NonNull<u8> {
        let found = self.by_size.range((size, 0)..).next().copied();
        let (whole, start) = found.unwrap_or_else(|| self.grow(size));
        self.remove(start, whole);
        if whole > size {
            self.insert(start + size, whole - size);
        }
        self.used_bytes += size;
        self.most_used_bytes = self.most_used_bytes.max(self.used_bytes);
        let (at, region) = self.region(start);
        // SAFETY: the range lies within the region.
        unsafe { region.start.byte_add(start - at) }
    }

    /// Frees a block that this pool gave, and gives back regions that nobody will want.
    fn give(&mut self, start: NonNull<u8>, size: usize) {
        let start = start.addr().get();
        let (region_start, region) = self.region(start);
        let region_end = region_start + region.size;
        self.used_bytes = self.used_bytes.saturating_sub(size);
        let (mut first, mut end) = (start, start + size);
        // Ranges of other regions may touch by chance; they are not joined.
        if let Some((&before, &len)) = self.free.range(region_start..start).next_back()
            && before + len == start
        {
            self.remove(before, len);
            first = before;
        }
        if end < region_end
            && let Some(&len) = self.free.get(&end)
        {
            self.remove(end, len);
            end += len;
        }
        self.insert(first, end - first);
        let limit = self.most_used_bytes + self.most_used_bytes / 2 + SPARE;
        if (first, end) == (region_start, region_end) && self.region_bytes > limit {
            self.remove(first, end - first);
            self.region_bytes -= end - first;
            if let Some(region) = self.regions.remove(&first) {
                system::free(region.start, region.size);
            }
        }
    }

    /// A new region that is free and holds so much: its size and start.
    fn grow(&mut self, size: usize) -> (usize, usize) {
        let size = size.max(REGION).next_multiple_of(HUGE);
        let region = Region { start: system::allocate(size), size };
        let start = region.start.addr().get();
        self.regions.insert(start, region);
        self.region_bytes += size;
        self.insert(start, size);
        (size, start)
    }

    /// The region that an address lies in, and its start.
    fn region(&self, address: usize) -> (usize, &Region) {
        let Some((&start, region)) = self.regions.range(..=address).next_back() else {
            unreachable!("every block lies in a region")
        };
        (start, region)
    }

    fn insert(&mut self, start: usize, size: usize) {
        self.free.insert(start, size);
        self.by_size.insert((size, start));
    }

    fn remove(&mut self, start: usize, size: usize) {
        self.free.remove(&start);
        self.by_size.remove(&(size, start));
    }
}

/// What the system gives and takes.
mod system {
    use super::*;

    /// Zeros, aligned to a line or, if there are many, to a huge page.
    #[cfg(any(exact_memory, miri, not(target_os = "linux")))]
    pub(super) fn allocate(size: usize) -> NonNull<u8> {
        // SAFETY: no size is zero.
        let start = unsafe { std::alloc::alloc_zeroed(layout(size)) };
        NonNull::new(start).unwrap_or_else(|| refuse(size))
    }

    #[cfg(any(exact_memory, miri, not(target_os = "linux")))]
    pub(super) fn free(start: NonNull<u8>, size: usize) {
        // SAFETY: `allocate` made it with the same layout.
        unsafe { std::alloc::dealloc(start.as_ptr(), layout(size)) }
    }

    #[cfg(all(not(any(exact_memory, miri)), target_os = "linux"))]
    pub(super) fn allocate(size: usize) -> NonNull<u8> {
        if size < HUGE {
            // SAFETY: no size is zero.
            let start = unsafe { std::alloc::alloc_zeroed(layout(size)) };
            return NonNull::new(start).unwrap_or_else(|| refuse(size));
        }
        // As much more as it takes to begin at a huge page; what is over is given back.
        let whole = size + HUGE;
        // SAFETY: an anonymous mapping of pages that nobody has; what is unmapped lies within it.
        unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let mapped = libc::mmap(std::ptr::null_mut(), whole, protection, flags, -1, 0);
            if mapped == libc::MAP_FAILED {
                refuse(size);
            }
            let before = mapped.align_offset(HUGE);
            if before > 0 {
                libc::munmap(mapped, before);
            }
            let start = mapped.byte_add(before);
            if before < HUGE {
                libc::munmap(start.byte_add(size), HUGE - before);
            }
            // Small pages do as well, so it does not matter whether the system follows.
            libc::madvise(start, size, libc::MADV_HUGEPAGE);
            NonNull::new_unchecked(start.cast())
        }
    }

    #[cfg(all(not(any(exact_memory, miri)), target_os = "linux"))]
    pub(super) fn free(start: NonNull<u8>, size: usize) {
        // SAFETY: `allocate` made it in the same way.
        unsafe {
            if size < HUGE {
                std::alloc::dealloc(start.as_ptr(), layout(size));
            } else {
                libc::munmap(start.as_ptr().cast(), size);
            }
        }
    }

    /// A map that is too large is a caller's bug, which a panic says, rather than the end of the process.
    fn refuse(size: usize) -> ! {
        panic!("the system has no {size} bytes of memory")
    }

    fn layout(size: usize) -> Layout {
        let align = if size < HUGE { LINE } else { HUGE };
        let Ok(layout) = Layout::from_size_align(size, align) else {
            unreachable!("no block is larger than {MOST} bytes")
        };
        layout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_and_come_back() {
        for len in [1_usize, 1000, 1 << 20, 5 << 20] {
            let mut buffer = Buffer::<f32>::filled(len, 2.5);
            let start = buffer.as_ptr() as usize;
            assert_eq!(start % LINE, 0);
            buffer[len - 1] = 1.0;
            assert_eq!(buffer.iter().filter(|value| **value == 2.5).count(), len - 1);
        }
        let bytes = Buffer::<f32>::copy(&[1.0, 2.0, 3.0]).into_bytes();
        assert_eq!(bytes.len(), 12);
        assert_eq!(bytes[4..8], 2.0_f32.to_le_bytes());
        let mut copy = bytes.clone();
        drop(bytes);
        copy[0] = 7;
        assert_eq!(copy[4..8], 2.0_f32.to_le_bytes());
    }

    /// Takes and gives at random, with what is taken written to: no two blocks overlap, and what is free is
    /// what is not taken.
    #[test]
    fn blocks_are_apart() {
        let mut pool = Pool::default();
        let mut taken: Vec<(NonNull<u8>, usize)> = Vec::new();
        let mut state = 1_u64;
        for round in 0..4000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let draw = (state >> 33) as usize;
            if draw.is_multiple_of(2) || taken.is_empty() {
                let size = (draw / 2 % (1 << (10 + draw / 7 % 14)) + 1).next_multiple_of(LINE);
                let start = pool.take(size);
                assert!(start.addr().get().is_multiple_of(LINE));
                taken.push((start, size));
            } else {
                let (start, size) = taken.swap_remove(draw / 2 % taken.len());
                pool.give(start, size);
            }
            if round % 100 == 0 {
                let used = taken.iter().map(|(start, size)| (start.addr().get(), *size));
                let free = pool.free.iter().map(|(start, size)| (*start, *size));
                let mut all: Vec<(usize, usize)> = used.chain(free).collect();
                all.sort_unstable();
                assert!(all.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
                assert_eq!(all.iter().map(|(_, size)| size).sum::<usize>(), pool.region_bytes);
                assert_eq!(pool.free.len(), pool.by_size.len());
            }
        }
        for (start, size) in taken.drain(..) {
            pool.give(start, size);
        }
        // All is joined again: a range for each region.
        assert_eq!((pool.used_bytes, pool.free.len()), (0, pool.regions.len()));
    }

    /// More than an address reaches, and more than a size says: refused, and the pool goes on.
    #[test]
    fn more_than_there_is_is_refused() {
        for len in [MOST / size_of::<f32>(), MOST, usize::MAX] {
            let refused = std::panic::catch_unwind(|| Buffer::<f32>::any(len).len());
            assert!(refused.is_err(), "{len} numbers");
        }
        assert_eq!(Buffer::<f32>::filled(5000, 1.5).iter().sum::<f32>(), 7500.0);
    }

    #[test]
    fn what_is_free_is_bounded() {
        let mut pool = Pool::default();
        // Each too large for the ones before.
        for size in [2, 3, 4, 6, 8].map(|halves| halves * SPARE / 2) {
            let start = pool.take(size);
            pool.give(start, size);
        }
        assert!(pool.region_bytes <= pool.most_used_bytes * 3 / 2 + SPARE);
        assert!(!pool.regions.is_empty());
    }
}
