//! Ten thousand records and ten thousand captures in Azure: a page of them reads its own records and no others.

mod common;

use common::alerts::TEST_VM;
use common::crowd::{copies, fill_watcher};
use common::instance::{BEARER, BEGIN, Instance, Scene};
use common::story::{path, seconds, start};
use http::Method;
use serde_json::Value;

const MANY: usize = 10_000;
const PAGE: usize = 50;

/// An instance whose store has the record of one capture many times over, a minute apart, and whose watcher holds half of them
/// and as many of somebody else's.
async fn crowded() -> (Scene, Instance) {
    let scene = Scene::with(BEGIN, |world| world.traffic_percent = 0);
    let nightcap = scene.instance();
    let capture = start(&nightcap, TEST_VM).await;
    seconds(200).await;
    let values = nightcap.store.values();
    let (key, record) = values.iter().find(|(key, _)| key.starts_with("capture:")).unwrap();
    nightcap.store.lose("index:");
    nightcap.store.lose("capture:");
    for (key, value) in copies(key, record, MANY) {
        nightcap.store.put(&key, &value);
    }
    fill_watcher(&mut scene.azure.lock().unwrap(), scene.now(), capture["name"].as_str().unwrap(), MANY);
    (scene, nightcap)
}

async fn page(nightcap: &Instance, url: &str) -> (Value, Vec<String>) {
    let before = nightcap.asked().len();
    let answer = nightcap.send(Method::GET, url, &[("authorization", BEARER)], "").await;
    let (status, page) = answer.json();
    assert_eq!(status, 200, "{page}");
    let asked = nightcap.asked()[before..].iter().map(|asked| asked.what.clone()).collect();
    (page, asked)
}

#[tokio::test(start_paused = true)]
async fn a_page_of_ten_thousand_reads_its_own_records_and_no_others() {
    let (_, nightcap) = crowded().await;
    // Whoever looks first sees to it that what earlier versions have left is listed.
    page(&nightcap, "/api/captures?limit=1").await;
    let here = "subscription=00000000-0000-0000-0000-000000000000&region=westcentralus";
    let mut url = "/api/captures?phase=finished".to_owned();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (found, asked) = page(&nightcap, &url).await;
        let records = asked.iter().filter(|asked| *asked == "read capture").count();
        assert_eq!(records, PAGE, "{asked:?}");
        assert!(asked.len() <= PAGE + 10, "{asked:?}");
        seen.extend(found["captures"].as_array().unwrap().iter().map(|capture| capture["askedAt"].to_string()));
        url = found["next"].as_str().unwrap().to_owned();
    }
    assert!(seen.len() == 3 * PAGE && seen.is_sorted_by(|one, other| one > other), "{seen:?}");

    // With all that Azure has in the list as well, and only what is of the machine.
    for query in [here.to_owned(), format!("{here}&target={TEST_VM}")] {
        let (found, asked) = page(&nightcap, &format!("/api/captures?{query}")).await;
        assert_eq!(found["captures"].as_array().unwrap().len(), PAGE);
        assert_eq!(found["watcher"]["captures"], MANY + 1, "one has no record any more");
        let records = asked.iter().filter(|asked| *asked == "read capture").count();
        assert!(records <= PAGE, "{records}");
        assert!(asked.len() <= PAGE + 12, "{asked:?}");
    }
    assert!(path(&page(&nightcap, "/api/captures?limit=1").await.0["captures"][0]).contains("nightcap_"));
}
