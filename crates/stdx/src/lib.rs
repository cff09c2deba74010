//! What every crate may lean on: clock, disk and entropy as traits with their real implementations,
//! seeded randomness, keyed hashing, cache padding, the counting allocator, bounded
//! memory of sources, disk space kept for bad days. Knows nothing of Redis.
#![deny(unsafe_code)]

#[allow(unsafe_code)]
pub mod alloc;
pub mod clock;
pub mod disk;
pub mod hash;
pub mod padded;
pub mod random;
pub mod record;
pub mod reserve;
pub mod sources;

pub use clock::{Clock, SystemClock};
pub use disk::{Disk, DiskFile, RealDisk};
pub use padded::Padded;
pub use random::Rng;
pub use reserve::Reserve;
pub use sources::Sources;
