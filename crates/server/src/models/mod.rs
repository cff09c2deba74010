//! The executor, the inboxes and blocked commands under a model checker, which runs threads in many
//! orders and sees every deadlock. Built with the feature `shuttle` only.

pub mod sync;

#[cfg(test)]
mod executor;
#[cfg(test)]
mod inbox;
#[cfg(test)]
mod waiters;

#[cfg(test)]
fn check(orders: usize, model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(model, orders);
}
