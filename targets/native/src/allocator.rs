//! mimalloc, without the alignments that it gives anyway.
//!
//! The `mimalloc` crate passes every block's alignment. For blocks above 1 KiB, mimalloc then allocates more and aligns
//! by itself, which is slower.

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// The alignment that mimalloc gives to every block of at least this size; smaller blocks are aligned to 8 (its
/// `MI_MAX_ALIGN_SIZE`).
const NATURAL: usize = 16;

/// mimalloc as the program's allocator.
pub(crate) struct Allocator;

/// Returns whether mimalloc aligns a block of `size` to `align` without being asked.
const fn is_natural(size: usize, align: usize) -> bool {
    align <= 8 || (align <= NATURAL && size >= NATURAL)
}

// SAFETY: mimalloc returns null or a block of the size asked for, at an address that is a multiple of the alignment asked for
// or, by `is_natural`, of `layout.align()`; `mi_free` and `mi_realloc` take the blocks of all its functions.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size and any power of two is allowed.
        unsafe { if is_natural(size, align) { mi_malloc(size).cast() } else { mi_malloc_aligned(size, align).cast() } }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as in `alloc`.
        unsafe { if is_natural(size, align) { mi_zalloc(size).cast() } else { mi_zalloc_aligned(size, align).cast() } }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller gives a block of this allocator, once.
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        // SAFETY: the caller gives a block of this allocator.
        unsafe {
            if is_natural(size, align) {
                mi_realloc(block.cast(), size).cast()
            } else {
                mi_realloc_aligned(block.cast(), size, align).cast()
            }
        }
    }
}
