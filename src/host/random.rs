//! Chance, from the host.

use spin_sdk::wasip3::random::random::get_random_u64;

pub fn random() -> [u8; 16] {
    let (high, low) = (get_random_u64(), get_random_u64());
    (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
}
