//! What a request costs doesn't depend on how many routes there are. Counted, not timed: memory is allocated as often, and as
//! much of it, among ten thousand routes as among ten.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use edgeway_benches::configuration::{Sample, many_routes, samples};
use edgeway_benches::{PEER, Still, load};
use gateway_core::gateway::Gateway;
use http::StatusCode;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

thread_local! {
    static COUNTED: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (times, bytes) = COUNTED.get();
        COUNTED.set((times + 1, bytes + layout.size()));
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often memory is allocated to decide about `sample`, and how much; the route is the one that it was made for.
fn allocations(gateway: &Gateway<Still>, sample: &Sample) -> (usize, usize) {
    let request = sample.request();
    let (times, bytes) = COUNTED.get();
    let mut record = gateway.begin(&request, &PEER);
    let outcome = pollster::block_on(gateway.handle(request, &PEER, &mut record));
    let (times_after, bytes_after) = COUNTED.get();
    drop(outcome);
    assert_eq!(record.status, Some(StatusCode::OK), "{sample:?}");
    let route = record.route.and_then(|route| gateway.plan().routes.get(route)).map(|route| &*route.name);
    assert_eq!(route, Some(&*sample.route));
    (times_after - times, bytes_after - bytes)
}

#[test]
fn a_decision_costs_the_same_among_any_number_of_routes() {
    let counts = [10, 1_000, 10_000].map(|size| {
        let gateway = Gateway::new(Arc::new(load(&many_routes(size).to_string())), Still);
        // The routes of the first API, which are in all configurations; the first request fills what is filled lazily.
        let samples = samples(10, 10);
        samples.iter().for_each(|sample| _ = allocations(&gateway, sample));
        samples.iter().map(|sample| allocations(&gateway, sample)).collect::<Vec<_>>()
    });
    let [few, many, most] = counts;
    assert_eq!(few, many);
    assert_eq!(few, most);
}

#[test]
fn every_sample_goes_to_its_route() {
    for size in [10, 1_000, 10_000] {
        let gateway = Gateway::new(Arc::new(load(&many_routes(size).to_string())), Still);
        for sample in samples(size, 50.min(size)) {
            allocations(&gateway, &sample);
        }
    }
}
