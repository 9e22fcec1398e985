//! Runs futures in an order that the seed chooses, and moves the clock on when all of them wait.

use core::fmt;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use std::sync::{Arc, Mutex};
use std::task::Wake;

use crate::chance::Chance;
use crate::world::World;

/// No future can go on, or none ever ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Hang {
    /// How many futures had not ended.
    pub waiting: usize,
    /// Whether they waited for nothing; else they turned in a circle.
    pub deadlock: bool,
}

impl fmt::Display for Hang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.deadlock { "wait for what will never come" } else { "turn in a circle" };
        write!(f, "hang: {} request(s) {how}", self.waiting)
    }
}

/// Above this many polls the futures turn in a circle.
const POLLS: usize = 1_000_000;

struct Ready {
    id: usize,
    queue: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        let mut queue = self.queue.lock().unwrap();
        if !queue.contains(&self.id) {
            queue.push(self.id);
        }
    }
}

/// Runs `futures` side by side until all have ended, and returns what they gave, in their order.
///
/// # Errors
/// [`Hang`] if some never end.
pub fn run<'f, T>(
    world: &World,
    futures: impl IntoIterator<Item = Pin<Box<dyn Future<Output = T> + 'f>>>,
) -> Result<Vec<T>, Hang> {
    let mut tasks: Vec<_> = futures.into_iter().map(Some).collect();
    let mut results: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    let queue = Arc::new(Mutex::new((0..tasks.len()).collect::<Vec<_>>()));
    for _ in 0..POLLS {
        let next = {
            let mut queue = queue.lock().unwrap();
            if queue.is_empty() { None } else { Some(queue.len()).map(|n| queue.swap_remove(world.chance.below(n))) }
        };
        let Some(id) = next else {
            let waiting = tasks.iter().flatten().count();
            if waiting == 0 {
                return Ok(results.into_iter().flatten().collect());
            }
            if world.next_timer() {
                continue;
            }
            return Err(Hang { waiting, deadlock: true });
        };
        let Some(task) = &mut tasks[id] else { continue };
        let waker = Arc::new(Ready { id, queue: Arc::clone(&queue) }).into();
        if let Poll::Ready(result) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            results[id] = Some(result);
            tasks[id] = None;
        }
    }
    Err(Hang { waiting: tasks.iter().flatten().count(), deadlock: false })
}

/// Runs two futures until both have ended; whenever both can go on, chance decides which goes first.
pub(crate) async fn side_by_side<A, B>(
    chance: &Chance,
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        for turn in [chance.below(2), 0, 1] {
            match turn {
                0 if first.is_none() => {
                    if let Poll::Ready(output) = one.as_mut().poll(context) {
                        first = Some(output);
                    }
                }
                1 if second.is_none() => {
                    if let Poll::Ready(output) = other.as_mut().poll(context) {
                        second = Some(output);
                    }
                }
                _ => {}
            }
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::cell::RefCell;

    use super::*;

    fn order(seed: u64) -> Vec<usize> {
        let world = World::new(seed);
        let order = RefCell::new(Vec::new());
        run(
            &world,
            (0..4).map(|n| {
                let (world, order) = (&world, &order);
                Box::pin(async move {
                    world.linger().await;
                    order.borrow_mut().push(n);
                }) as Pin<Box<dyn Future<Output = ()>>>
            }),
        )
        .unwrap();
        order.into_inner()
    }

    #[test]
    fn a_seed_replays_and_seeds_differ() {
        assert_eq!(order(7), order(7));
        let orders: std::collections::BTreeSet<_> = (0..256).map(order).collect();
        assert_eq!(orders.len(), 24, "all 4! orders come up");
    }

    #[test]
    fn time_moves_only_when_all_wait() {
        let world = World::new(1);
        let start = world.now();
        let sleep = |ms| Box::pin(world.sleep(Duration::from_millis(ms))) as Pin<Box<dyn Future<Output = ()>>>;
        run(&world, [sleep(500), sleep(2_000)]).unwrap();
        assert_eq!(world.now().saturating_since(start), Duration::from_secs(2));
    }

    #[test]
    fn a_hang_is_reported() {
        let world = World::new(1);
        let never: Pin<Box<dyn Future<Output = ()>>> = Box::pin(core::future::pending());
        assert_eq!(run(&world, [never]), Err(Hang { waiting: 1, deadlock: true }));
    }
}
