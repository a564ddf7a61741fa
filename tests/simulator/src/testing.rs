//! What the tests beside the code have in common: a client of the pretend Azure on a clock that moves only when told.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::Value;

use crate::answer::Answer;
use crate::time::later;
use crate::{Azure, CLIENT_ID, CLIENT_SECRET, Outcome, Reply, SUBSCRIPTION, Service, TENANT_ID, Urls, World};

pub(crate) struct Client {
    pub(crate) azure: Azure,
    pub(crate) now: Timestamp,
    arm_token: Option<String>,
}

impl Client {
    pub(crate) fn new(world: impl FnOnce(Urls) -> World) -> Client {
        let now = "2026-11-20T02:00:00.077Z".parse().unwrap();
        Client { azure: Azure::new(world(Urls::public())), now, arm_token: None }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = later(self.now, Duration::from_secs(seconds));
    }

    pub(crate) fn reply(
        &mut self,
        service: Service,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.azure.handle(self.now, service, request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
    }

    pub(crate) fn send(
        &mut self,
        service: Service,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        match self.reply(service, method, url, headers, body).outcome {
            Outcome::Response(answer) => answer,
            Outcome::Cut => panic!("the connection was cut"),
        }
    }

    pub(crate) fn ask_token(&mut self, tenant: &str, client: &str, secret: &str, scope: &str) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", client)
            .append_pair("client_secret", secret)
            .append_pair("scope", scope)
            .finish();
        let url = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
        self.send(Service::Entra, "POST", &url, &[("content-type", "application/x-www-form-urlencoded")], &form)
    }

    fn token(&mut self, scope: &str) -> String {
        json(&self.ask_token(TENANT_ID, CLIENT_ID, CLIENT_SECRET, scope))["access_token"].as_str().unwrap().into()
    }

    pub(crate) fn arm_token(&mut self) -> String {
        self.token("https://management.azure.com/.default")
    }

    pub(crate) fn storage_token(&mut self) -> String {
        self.token("https://storage.azure.com/.default")
    }

    /// A Resource Manager request with one token for the whole test.
    pub(crate) fn arm(&mut self, method: &str, url: &str, body: &str) -> Answer {
        let token = match &self.arm_token {
            Some(token) => token.clone(),
            None => self.arm_token(),
        };
        let authorization = format!("Bearer {token}");
        self.arm_token = Some(token);
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        self.send(Service::Arm, method, url, &headers, body)
    }

    /// The URL of a capture of the sample's first watcher.
    pub(crate) fn capture(&self, name: &str) -> String {
        captures(&format!("/{name}"))
    }

    /// Asks for a capture of the sample's first machine.
    pub(crate) fn create(&mut self, name: &str) -> Answer {
        self.arm("PUT", &self.capture(name), &capture_body(60).to_string())
    }

    /// Asks for a capture and waits until it runs.
    pub(crate) fn start(&mut self, name: &str) {
        assert_eq!(self.create(name).status(), 201);
        self.pass(4);
    }

    /// A client after a capture whose file can be seen, and the file's URL.
    pub(crate) fn after_a_capture() -> (Client, String) {
        let mut client = Client::new(World::sample);
        client.start("pc1");
        client.pass(63);
        let url = client.azure.captures()[0].storage_path.clone();
        (client, url)
    }

    /// What `queryStatus` says.
    pub(crate) fn status(&mut self, name: &str) -> Answer {
        self.arm("POST", &captures(&format!("/{name}/queryStatus")), "")
    }

    /// A request for a blob, with a fresh token.
    pub(crate) fn blob(&mut self, method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
        let authorization = format!("Bearer {}", self.storage_token());
        let mut all = vec![("authorization", authorization.as_str()), ("x-ms-version", "2021-12-02")];
        all.extend(headers);
        self.send(Service::Blob, method, url, &all, "")
    }
}

/// A URL below the captures of the sample's first watcher.
pub(crate) fn captures(rest: &str) -> String {
    format!(
        "https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourceGroups/NetworkWatcherRG/providers/\
         Microsoft.Network/networkWatchers/NetworkWatcher_westcentralus/packetCaptures{rest}?api-version=2025-05-01"
    )
}

pub(crate) fn capture_body(seconds: u32) -> Value {
    serde_json::json!({ "properties": {
        "target": sample_vm(),
        "timeLimitInSeconds": seconds,
        "storageLocation": { "storageId": sample_account() },
    } })
}

pub(crate) fn sample_account() -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/ContosoExampleRG/providers/Microsoft.Storage/storageAccounts/\
         contosoexamplergdiag374"
    )
}

pub(crate) fn header(answer: &Answer, name: &str) -> String {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().into()
}

pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

pub(crate) fn code(answer: &Answer) -> String {
    json(answer)["error"]["code"].as_str().unwrap_or_default().into()
}

pub(crate) fn sample_vm() -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/test-RG/providers/Microsoft.Compute/virtualMachines/test-VM")
}

/// The status, and the code that stands in the header and in the XML alike.
pub(crate) fn blob_error_code(answer: &Answer) -> (u16, String) {
    assert!(String::from_utf8_lossy(answer.body()).contains(&header(answer, "x-ms-error-code")));
    (answer.status().as_u16(), header(answer, "x-ms-error-code"))
}
