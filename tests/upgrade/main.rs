//! Records of released versions are read and carried to their end by today's build.
//!
//! `tests/fixtures/records/` has a folder for each version, with what its hosts left behind when they ended in the middle of
//! something. A version that is released adds its own folder, once, and no folder is ever written again:
//!
//! ```console
//! $ NIGHTCAP_RECORDS=tests/fixtures/records/0.2 cargo test --test upgrade -- --ignored
//! ```
//!
//! `stories.rs` has the stories. A new place where a host may end is a new story: older folders simply do not have it.

mod carry_on;
#[path = "../common/mod.rs"]
mod common;
mod stories;

#[tokio::test(start_paused = true)]
#[ignore = "writes the records of this version, when it is released"]
async fn write_the_records_of_this_version() {
    let folder = std::env::var("NIGHTCAP_RECORDS").expect("NIGHTCAP_RECORDS is the folder of this version");
    stories::write(folder.as_ref()).await;
}
