//! Each way to prove to Entra who nightcap is: the first token, its renewal, one that was revoked, an endpoint that is slow, and
//! an identity that is not there.

mod common;

use std::time::Duration;

use common::alerts::{CONTOSO_VM, common};
use common::instance::{BEGIN, Instance, Scene, Store};
use nightcap_simulator::{Effect, FEDERATED_TOKEN, Fault, IDENTITY_HEADER, MANAGED_IDENTITY, Service, World};

const FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

/// A way, and what it takes.
struct Way {
    name: &'static str,
    settings: Vec<(&'static str, &'static str)>,
    service: Service,
    /// Takes the identity away.
    lose: fn(&mut World),
    /// What the message of an alert then says.
    told: [&'static str; 2],
}

fn ways() -> Vec<Way> {
    let no_secret = [("client_secret", ""), ("cooldown_seconds", "0")];
    let with = |settings: &[(&'static str, &'static str)]| [&no_secret, settings].concat();
    let not_assigned = |world: &mut World| world.managed_identities.clear();
    vec![
        Way {
            name: "client secret",
            settings: vec![("cooldown_seconds", "0")],
            service: Service::Entra,
            lose: |world| world.client_secret = "another".to_owned(),
            told: ["AADSTS7000215", "client_secret"],
        },
        Way {
            name: "managed identity of a machine",
            settings: with(&[("credential", "managed_identity"), ("client_id", ""), ("tenant_id", "")]),
            service: Service::Identity,
            lose: not_assigned,
            told: ["the system-assigned managed identity", "assign it"],
        },
        Way {
            name: "user-assigned identity of an app",
            settings: with(&[
                ("credential", "managed_identity"),
                ("client_id", MANAGED_IDENTITY),
                ("tenant_id", ""),
                ("identity_endpoint", "http://localhost:42356/msi/token"),
                ("identity_header", IDENTITY_HEADER),
            ]),
            service: Service::Identity,
            lose: not_assigned,
            told: [MANAGED_IDENTITY, "assign it"],
        },
        Way {
            name: "workload identity",
            settings: with(&[("credential", "workload_identity"), ("federated_token_file", FILE)]),
            service: Service::Entra,
            lose: |world| world.federated_token = None,
            told: ["AADSTS700213", "issuer, subject and audience"],
        },
        Way {
            name: "workload identity without files",
            settings: with(&[("credential", "workload_identity"), ("federated_token", FEDERATED_TOKEN)]),
            service: Service::Entra,
            lose: |world| world.federated_token = None,
            told: ["AADSTS700213", "issuer, subject and audience"],
        },
    ]
}

impl Way {
    fn instance(&self, scene: &Scene) -> Instance {
        let store = Store::default();
        store.files.lock().unwrap().insert(FILE.to_owned(), format!("{FEDERATED_TOKEN}\n").into_bytes());
        scene.instance_with(&self.settings, store)
    }

    /// How often a token was asked for.
    fn tokens(&self, scene: &Scene) -> usize {
        scene.azure.lock().unwrap().transcript().iter().filter(|exchange| exchange.service == self.service).count()
    }
}

async fn outcome(nightcap: &Instance, rule: &str) -> (String, String) {
    let (_, answer) = nightcap.alert(&common(rule, CONTOSO_VM)).await.json();
    let outcome = &answer["outcomes"][0];
    (outcome["outcome"].as_str().unwrap().to_owned(), outcome["message"].as_str().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_token_is_had_kept_and_renewed() {
    for way in ways() {
        let scene = Scene::with(BEGIN, |world| world.timing.token_seconds = 3600);
        let nightcap = way.instance(&scene);
        assert_eq!(outcome(&nightcap, "one").await.0, "started", "{}", way.name);
        // Reading the file takes one for storage.
        tokio::time::sleep(Duration::from_secs(200)).await;
        let first = way.tokens(&scene);
        tokio::time::sleep(Duration::from_secs(2800)).await;
        assert_eq!(outcome(&nightcap, "two").await.0, "started", "{}", way.name);
        assert_eq!(way.tokens(&scene), first, "{}", way.name);
        tokio::time::sleep(Duration::from_secs(400)).await;
        assert_eq!(outcome(&nightcap, "three").await.0, "started", "{}", way.name);
        assert_eq!(way.tokens(&scene), first + 1, "{}", way.name);
        let told = format!("{:?} {:?}", nightcap.logs(), nightcap.store.values());
        for secret in [FEDERATED_TOKEN, IDENTITY_HEADER, "simulated."] {
            assert!(!told.contains(secret), "{} shows {secret}", way.name);
        }
        assert!(scene.strangers.lock().unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn instances_share_a_token_that_cost_no_secret() {
    for way in ways() {
        let scene = Scene::new();
        let first = way.instance(&scene);
        outcome(&first, "one").await;
        let tokens = way.tokens(&scene);
        let second = scene.instance_with(&way.settings, first.store.clone());
        assert_eq!(outcome(&second, "two").await.0, "joined", "{}", way.name);
        assert_eq!(way.tokens(&scene), tokens, "{}", way.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_replaced() {
    for way in ways() {
        let scene = Scene::new();
        let nightcap = way.instance(&scene);
        outcome(&nightcap, "one").await;
        scene.azure.lock().unwrap().expire_tokens();
        assert_eq!(outcome(&nightcap, "two").await.0, "joined", "{}", way.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_endpoint_is_waited_for_and_one_that_hangs_is_told() {
    for way in ways() {
        let beside = |effect| {
            let scene = Scene::new();
            scene.azure.lock().unwrap().add_fault(Fault::new(effect).service(way.service));
            scene
        };
        let scene = beside(Effect::Delay(Duration::from_secs(3)));
        assert_eq!(outcome(&way.instance(&scene), "one").await.0, "started", "{}", way.name);
        let scene = beside(Effect::Hang);
        let nightcap = way.instance(&scene);
        assert_eq!(outcome(&nightcap, "two").await.0, "accepted", "{}", way.name);
        tokio::time::sleep(Duration::from_secs(120)).await;
        let record = nightcap.alert_record().await;
        assert_eq!(record["outcomes"][0]["reason"], "azure_unreachable", "{}: {record}", way.name);
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_not_there_is_told_by_name_with_what_to_do() {
    for way in ways() {
        let scene = Scene::new();
        let nightcap = way.instance(&scene);
        (way.lose)(scene.azure.lock().unwrap().world_mut());
        let (outcome, message) = outcome(&nightcap, "one").await;
        assert_eq!(outcome, "failed", "{}: {message}", way.name);
        assert!(way.told.iter().all(|told| message.contains(told)), "{}: {message}", way.name);
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_being_updated_is_asked_for_again() {
    let scene = Scene::new();
    for status in [404, 410] {
        let effect = Effect::Status { status, code: "Gone".to_owned(), message: String::new(), retry_after: None };
        scene.azure.lock().unwrap().add_fault(Fault::new(effect).service(Service::Identity).times(1));
    }
    let way = ways().remove(1);
    assert_eq!(outcome(&way.instance(&scene), "one").await.0, "started");
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_replaces_is_read_anew() {
    let scene = Scene::with(BEGIN, |world| world.timing.token_seconds = 600);
    let way = ways().remove(3);
    let nightcap = way.instance(&scene);
    assert_eq!(outcome(&nightcap, "one").await.0, "started");
    scene.azure.lock().unwrap().world_mut().federated_token = Some("the.next.one".to_owned());
    nightcap.store.files.lock().unwrap().insert(FILE.to_owned(), b"the.next.one".to_vec());
    tokio::time::sleep(Duration::from_secs(500)).await;
    assert_eq!(outcome(&nightcap, "two").await.0, "started");
    nightcap.store.files.lock().unwrap().clear();
    tokio::time::sleep(Duration::from_secs(500)).await;
    let (_, message) = outcome(&nightcap, "three").await;
    assert!(message.contains("federated_token_file") || message.contains("once more"), "{message}");
}
