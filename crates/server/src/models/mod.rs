//! The executor and the inboxes under a model checker, which runs threads in many orders and sees
//! every deadlock. Built with the feature `shuttle` only.

pub mod sync;

#[cfg(test)]
mod executor;
#[cfg(test)]
mod inbox;

#[cfg(test)]
fn check(orders: usize, model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(model, orders);
}
