//! Chance, from the host.

#[cfg(feature = "wasi02")]
pub fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    wstd::rand::get_random_bytes(&mut bytes);
    bytes
}

#[cfg(feature = "wasi03")]
pub fn random() -> [u8; 16] {
    use spin_sdk::wasip3::random::random::get_random_u64;

    let (high, low) = (get_random_u64(), get_random_u64());
    (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
}
