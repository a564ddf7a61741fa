//! How many instances a host has room for at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmparser::{Instance, Parser, Payload};

/// The room of a host, as wasmtime's pooling allocator counts it: by core instances, of which a component has several.
pub(crate) struct Pool(Arc<Semaphore>);

/// What a host's pool holds at most.
struct Limits {
    components: usize,
    core_instances: usize,
}

/// The pool of `wasmtime serve` is that of wasmtime's defaults.
const WASMTIME: Limits = Limits { components: 1000, core_instances: 1000 };

/// Spin's `crates/core` asks for four core instances a component.
const SPIN: Limits = Limits { components: 1000, core_instances: 4000 };

impl Pool {
    pub fn new(is_spin: bool, component: &[u8]) -> anyhow::Result<Self> {
        let limits = if is_spin { SPIN } else { WASMTIME };
        let room = limits.core_instances / core_instances(component)?.max(1);
        Ok(Pool(Arc::new(Semaphore::new(room.min(limits.components)))))
    }

    /// A place for one more instance, if there is one.
    pub fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_owned().ok()
    }
}

/// How many core modules an instance of this component instantiates.
fn core_instances(component: &[u8]) -> anyhow::Result<usize> {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::InstanceSection(instances) = payload? {
            for instance in instances {
                count += usize::from(matches!(instance?, Instance::Instantiate { .. }));
            }
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two empty modules, of which the second is instantiated twice, and an instance that only groups exports.
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0\
        \x01\x08\0asm\x01\0\0\0\
        \x01\x08\0asm\x01\0\0\0\
        \x02\x0c\x04\0\0\0\0\x01\0\0\x01\0\x01\0";

    #[test]
    fn instances_of_modules_count() {
        assert_eq!(core_instances(COMPONENT).unwrap(), 3);
    }

    #[test]
    fn a_full_pool_has_no_place_until_somebody_leaves() {
        let pool = Pool::new(false, COMPONENT).unwrap();
        let mut taken: Vec<_> = (0..333).map(|_| pool.take().unwrap()).collect();
        assert!(pool.take().is_none());
        taken.pop();
        assert!(pool.take().is_some());
    }
}
