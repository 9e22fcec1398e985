//! Several waits at the same time.

use core::future::poll_fn;
use core::task::Poll;

/// Waits for all of `futures` at the same time, and returns their outputs in order.
pub async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        let mut is_over = true;
        for (future, output) in &mut all {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(ready) => *output = Some(ready),
                    Poll::Pending => is_over = false,
                }
            }
        }
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    all.into_iter().filter_map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use core::pin::pin;
    use core::task::{Context, Waker};

    use super::*;

    #[test]
    fn outputs_come_in_order_whatever_is_ready_first() {
        let open = Cell::new(0);
        let wait = |number: u32| {
            let open = &open;
            poll_fn(move |_| if open.get() & number != 0 { Poll::Ready(number) } else { Poll::Pending })
        };
        let mut all = pin!(together([wait(1), wait(2), wait(4)]));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(all.as_mut().poll(&mut context), Poll::Pending);
        open.set(4);
        assert_eq!(all.as_mut().poll(&mut context), Poll::Pending);
        open.set(3);
        assert_eq!(all.as_mut().poll(&mut context), Poll::Ready(vec![1, 2, 4]));
    }
}
