//! Many races of several instances for one machine, each from a seed. A failing seed is named, and runs alone with
//! `NIGHTCAP_SEED=17 cargo test --test races`.

mod common;

use std::time::Duration;

use common::alerts::{TEST_VM, common};
use common::instance::Scene;
use futures::future::join_all;

const SEEDS: u64 = 1500;

#[tokio::test(start_paused = true)]
async fn whoever_races_and_whenever_one_capture_runs() {
    let one: Option<u64> = std::env::var("NIGHTCAP_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in one.map_or(0..SEEDS, |seed| seed..seed + 1) {
        race(seed).await;
    }
}

/// Two to five instances whose clocks are hours apart, one or several alerts, somewhere around the boundary of two slots of
/// time, on a network whose every request and answer takes up to 300 ms.
async fn race(seed: u64) {
    let before_the_boundary = 2_500_u64.saturating_sub(seed % 50 * 60);
    let begin = format!("2026-11-20T02:14:{:06.3}Z", 60.0 - before_the_boundary.max(1) as f64 / 1000.0);
    let without_packets = |world: &mut nightcap_simulator::World| world.traffic_percent = 0;
    let scene = Scene::with(&begin, without_packets).with_network(Duration::from_millis(300), seed);
    let racers = 2 + seed % 4;
    let one_alert = seed.is_multiple_of(3);
    let instances: Vec<_> = (0..racers)
        .map(|number| {
            let wrong_by_hours = (seed * number % 9).cast_signed() - 4;
            let scene = scene.clone().with_skew(wrong_by_hours * 3_600_000);
            scene.instance_with(&[("capture_seconds", "600")], Default::default())
        })
        .collect();
    let runs = instances.iter().zip(0..).map(|(instance, number)| {
        let rule = if one_alert { "cpu".to_owned() } else { format!("rule{number}") };
        async move {
            tokio::time::sleep(Duration::from_millis(seed / 7 * 31 % 700 * number)).await;
            instance.alert(&common(&rule, TEST_VM)).await.status.as_u16()
        }
    });
    let answers = join_all(runs).await;
    assert!(answers.iter().all(|status| [200, 201, 202].contains(status)), "seed {seed}: {answers:?}");
    tokio::time::sleep(Duration::from_secs(90)).await;

    assert_eq!(scene.running_on(TEST_VM).len(), 1, "seed {seed}: {answers:?}");
    let records = join_all(instances.iter().map(|instance| instance.alert_record())).await;
    let ended: Vec<_> = records.iter().map(|record| record["outcomes"][0].clone()).collect();
    let started: Vec<_> = ended.iter().filter(|outcome| outcome["outcome"] == "started").collect();
    assert_eq!(started.len(), 1, "seed {seed}: {ended:#?}");
    assert_eq!(started[0]["capture"]["name"], scene.running_on(TEST_VM)[0], "seed {seed}");
    // One may have joined a capture that was then stopped in favour of an earlier one, and that one's record says so.
    let stopped = scene.stopped();
    let survivor = started[0]["capture"]["name"].as_str().unwrap().to_owned();
    for outcome in &ended {
        let name = outcome["capture"]["name"].as_str().unwrap().to_owned();
        assert!(name == survivor || stopped.contains(&name), "seed {seed}: {ended:#?}");
    }
}
