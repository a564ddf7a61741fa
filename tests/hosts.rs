//! The built component on hosts that are as awkward as real ones were found to be.

mod common;

use std::time::Duration;

use common::alerts::{TEST_VM, common, many_machines};
use common::served::{Served, builds, until};
use futures::future::join_all;
use nightcap_embedded::Build;
use nightcap_simulator::World;

fn builds_for_spin() -> impl Iterator<Item = Build> {
    builds().into_iter().filter(|build| matches!(build, Build::Spin | Build::SpinWasi03))
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_come_while_the_store_is_locked_for_a_listing_are_answered() {
    for build in builds_for_spin() {
        let scene = Served::new(build).await;
        for number in 0..500 {
            scene.options.state.put(&format!("somebody-else:{number}"), "{}");
        }
        let alerts: Vec<_> = (0..50).map(|number| common(&format!("rule{number}"), TEST_VM)).collect();
        let answers = join_all(alerts.iter().map(|alert| scene.alert(alert)));
        // An instance that hangs does so for ever.
        let answers = tokio::time::timeout(Duration::from_secs(120), answers).await.expect("no instance hangs");
        assert!(answers.iter().all(|(status, _)| [200, 201, 202].contains(&status.as_u16())), "{answers:#?}");
        assert_eq!(scene.captures(), 1);
        scene.assert_no_trap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn captures_that_end_while_others_list_keys_lock_nobody_out() {
    // The only build whose instances do several things at once and whose listings hold a lock.
    for build in builds_for_spin().filter(|build| *build == Build::SpinWasi03) {
        let mut machines = vec![];
        let change = |world: &mut World| machines = many_machines(world, 20);
        let scene = Served::with(build, change, &[("capture_seconds", "3")]).await;
        // So that a listing takes long.
        for number in 0..5_000 {
            scene.options.state.put(&format!("somebody-else:{number}"), "{}");
        }
        for machine in &machines {
            let (status, answer) = scene.alert(&common("cpu", machine)).await;
            assert!([201, 202].contains(&status.as_u16()), "{answer}");
        }
        let is_open = |key: &String| key.starts_with("open:capture:");
        until("the end of every capture", async || (!scene.options.state.keys().iter().any(is_open)).then_some(()))
            .await;
        scene.assert_no_trap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_repeated_because_its_host_was_quick() {
    for build in builds() {
        let mut machines = vec![];
        let scene = Served::with(build, |world| machines = many_machines(world, 50), &[]).await;
        for machine in &machines {
            let (status, answer) = scene.alert(&common("cpu", machine)).await;
            assert_eq!(status, 201, "{answer}");
        }
        let logs = scene.nightcap.logs();
        let repeated: Vec<_> = logs.iter().filter(|line| line.contains(r#""attempt":2"#)).collect();
        assert!(repeated.is_empty(), "{repeated:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_host_was_writing_is_taken_away_and_what_one_writes_now_is_not() {
    for build in builds().into_iter().filter(|build| matches!(build, Build::Wasmtime | Build::WasmtimeWasi03)) {
        let scene = Served::new(build).await;
        let state = &scene.options.state;
        state.leave_file("swept.0a.new", Duration::from_hours(2)).unwrap();
        state.leave_file("swept.0b.new", Duration::from_mins(1)).unwrap();
        assert_eq!(scene.sweep().await.0, 200);
        assert!(!state.keys().contains(&"swept.0a.new".to_owned()), "{:?}", state.keys());
        assert!(state.keys().contains(&"swept.0b.new".to_owned()), "{:?}", state.keys());
    }
}
