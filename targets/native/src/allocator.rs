//! mimalloc, told only of alignments that it doesn't give anyway.
//!
//! The `mimalloc` crate asks for every block's alignment, which sends those above 1 KiB on a way that allocates more and aligns
//! by itself.

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// What mimalloc aligns every block to that is at least as large; smaller ones it aligns to 8 (its `MI_MAX_ALIGN_SIZE`).
const NATURAL: usize = 16;

/// mimalloc as the program's allocator.
pub(crate) struct Allocator;

/// Whether a block of `size` is aligned to `align` without asking.
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
