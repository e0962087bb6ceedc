//! Memory for maps, kept from one operation to the next.
//!
//! A training step needs the same blocks again and again. Asking the system for fresh pages costs more
//! than most operations that fill them: three microseconds for every four kilobytes on a virtual machine,
//! which is a third of the speed of memory. So freed blocks wait for the next of their size, and large
//! ones lie in huge pages where the system has them.

use std::{
    alloc::Layout,
    collections::BTreeMap,
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
/// Blocks of this size and more are aligned to it, and lie in huge pages.
const HUGE: usize = 2 << 20;
/// Used and waiting blocks may take half as much again as was ever in use, and this much more: the order in
/// which a network frees its maps is not the order in which it wants them.
const SPARE: usize = 64 << 20;
/// Blocks are as long as they must be and nothing waits, so that a sanitizer sees every step beyond one:
/// `--cfg exact_memory`, see CONTRIBUTING.md.
const EXACT: bool = cfg!(exact_memory);

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
        let size = class(bytes);
        if !EXACT && let Some(start) = with_pool(|pool| pool.take(size)) {
            return start;
        }
        Self { start: system::allocate(size), size }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let block = Self { start: self.start, size: self.size };
        let unwanted = if EXACT { vec![block] } else { with_pool(|pool| pool.give(block)) };
        for block in unwanted {
            system::free(block.start, block.size);
            std::mem::forget(block);
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

/// Blocks that wait for the next of their size.
#[derive(Default)]
struct Pool {
    /// By size; in each list the one that was given last is at the end.
    waiting: BTreeMap<usize, Vec<Block>>,
    waiting_bytes: usize,
    used_bytes: usize,
    most_used_bytes: usize,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

fn with_pool<T>(task: impl FnOnce(&mut Pool) -> T) -> T {
    // A pool whose holder panicked is still a list of free blocks.
    let mut pool = POOL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    task(pool.get_or_insert_default())
}

impl Pool {
    /// A waiting block of this size, or of one that is not much larger.
    fn take(&mut self, size: usize) -> Option<Block> {
        let near = self.waiting.range(size..=size + size / 4).next().map(|(&size, _)| size);
        let block = near.and_then(|near| {
            let list = self.waiting.get_mut(&near)?;
            let block = list.pop();
            if list.is_empty() {
                self.waiting.remove(&near);
            }
            block
        });
        let taken = block.as_ref().map_or(size, |block| block.size);
        self.used_bytes += taken;
        self.most_used_bytes = self.most_used_bytes.max(self.used_bytes);
        if block.is_some() {
            self.waiting_bytes -= taken;
        }
        block
    }

    /// Keeps a block, and hands out those that nobody will want, the largest first.
    fn give(&mut self, block: Block) -> Vec<Block> {
        self.used_bytes = self.used_bytes.saturating_sub(block.size);
        self.waiting_bytes += block.size;
        self.waiting.entry(block.size).or_default().push(block);
        let mut unwanted = Vec::new();
        while self.waiting_bytes + self.used_bytes > self.limit() {
            let Some(mut largest) = self.waiting.last_entry() else { break };
            let list = largest.get_mut();
            if !list.is_empty() {
                let block = list.swap_remove(0);
                self.waiting_bytes -= block.size;
                unwanted.push(block);
            }
            if largest.get().is_empty() {
                largest.remove();
            }
        }
        unwanted
    }

    /// The most that all blocks together may take while none is wanted.
    fn limit(&self) -> usize {
        self.most_used_bytes + self.most_used_bytes / 2 + SPARE
    }
}

/// The size of a block for so many bytes: steps of an eighth, so that near sizes share blocks.
fn class(bytes: usize) -> usize {
    if EXACT {
        return bytes.max(1);
    }
    let step = (bytes.max(1).next_power_of_two() / 16).max(LINE);
    let size = bytes.max(1).next_multiple_of(step);
    if size >= HUGE { size.next_multiple_of(HUGE / 8) } else { size }
}

/// What the system gives and takes.
mod system {
    use super::*;

    /// Zeros, aligned to a line or, if there are many, to a huge page.
    #[cfg(any(exact_memory, not(target_os = "linux")))]
    pub(super) fn allocate(size: usize) -> NonNull<u8> {
        let layout = layout(size);
        // SAFETY: no size is zero.
        let start = unsafe { std::alloc::alloc_zeroed(layout) };
        NonNull::new(start).unwrap_or_else(|| std::alloc::handle_alloc_error(layout))
    }

    #[cfg(any(exact_memory, not(target_os = "linux")))]
    pub(super) fn free(start: NonNull<u8>, size: usize) {
        // SAFETY: `allocate` made it with the same layout.
        unsafe { std::alloc::dealloc(start.as_ptr(), layout(size)) }
    }

    #[cfg(all(not(exact_memory), target_os = "linux"))]
    pub(super) fn allocate(size: usize) -> NonNull<u8> {
        if size < HUGE {
            let layout = layout(size);
            // SAFETY: no size is zero.
            let start = unsafe { std::alloc::alloc_zeroed(layout) };
            return NonNull::new(start).unwrap_or_else(|| std::alloc::handle_alloc_error(layout));
        }
        // As much more as it takes to begin at a huge page; what is over is given back.
        let whole = size + HUGE;
        // SAFETY: an anonymous mapping of pages that nobody has; what is unmapped lies within it.
        unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let mapped = libc::mmap(std::ptr::null_mut(), whole, protection, flags, -1, 0);
            if mapped == libc::MAP_FAILED {
                std::alloc::handle_alloc_error(layout(size));
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

    #[cfg(all(not(exact_memory), target_os = "linux"))]
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
    fn sizes_are_rounded_by_no_more_than_an_eighth() {
        for bytes in [0, 1, 64, 65, 1000, 4097, 1 << 20, (1 << 20) + 1, 3 << 20, (25 << 20) + 7] {
            let size = class(bytes);
            assert!(size >= bytes.max(1) && size.is_multiple_of(LINE));
            assert!(
                size <= bytes + bytes / 8 + HUGE / 8
                    && (bytes > HUGE / 2 || size <= bytes + bytes / 8 + LINE)
            );
        }
    }

    #[test]
    fn blocks_are_aligned_and_come_back() {
        for len in [1_usize, 1000, 1 << 20, 5 << 20] {
            let mut buffer = Buffer::<f32>::filled(len, 2.5);
            let start = buffer.as_ptr() as usize;
            assert_eq!(start % if len * 4 >= HUGE { HUGE } else { LINE }, 0);
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

    #[test]
    fn what_waits_is_bounded() {
        let mut pool = Pool::default();
        let block = |size| Block { start: system::allocate(size), size };
        let mut unwanted = Vec::new();
        // Each too large for the one before to serve it.
        for size in [2, 3, 4, 6, 8].map(|halves| halves * SPARE / 2) {
            assert!(pool.take(size).is_none());
            unwanted.extend(pool.give(block(size)));
        }
        assert!(!unwanted.is_empty());
        assert!(pool.waiting_bytes + pool.used_bytes <= pool.limit());
        assert!(pool.take(SPARE).is_some());
    }
}
