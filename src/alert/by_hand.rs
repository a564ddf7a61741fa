//! Reads what an operator asks for who starts a capture by hand: every parameter that Azure takes, by Azure's own names
//! (azure-rest-api-specs, `PacketCaptureParameters`). Everything that is wrong is told at once, each at its place.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::direct_call::DirectCall;
use super::notification::{Alert, Schema, alert};
use super::overrides::Overrides;
use crate::azure::capture_parameters::{
    FilePlace, LARGEST_BYTES, LONGEST_RING_SECONDS, LONGEST_SECONDS, MOST_RING_FILES, Ring, Scope, USUAL_RING_SECONDS,
    instance,
};
use crate::azure::packet_capture::checked_capture_name;
use crate::azure::packet_filter::{Filter, LONGEST_LIST};
use crate::azure::resource_id::{ResourceId, storage_account};
use crate::azure::target::{Target, TargetKind};
use crate::text::clean;

/// What stands for the name of an alert rule.
pub const RULE: &str = "started by hand";

/// The longest address or path that is taken, in bytes; every record of a capture holds it.
const LONGEST_PATH: usize = 2048;

/// The most instances of a scale set that are named; it has a thousand at most.
const MOST_INSTANCES: usize = 1000;

/// The most mistakes that are told at once.
const MOST_ERRORS: usize = 50;

/// A member that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct BadMember {
    /// Where it stands, as a JSON pointer in a URI fragment (RFC 6901, 6), such as `#/filters/0/localPort`.
    pub pointer: String,
    /// What is wrong with it, for people.
    pub detail: String,
}

/// Reads the body of a request for a capture.
pub fn read(body: &[u8]) -> Result<Alert, Vec<BadMember>> {
    let mut reader = Reader::default();
    let call = match serde_json::from_slice::<Value>(body) {
        Ok(body) => reader.call(&body),
        Err(error) => {
            // What serde says of syntax quotes nothing.
            reader.wrong("#", format!("The body is not JSON: {error}."));
            None
        }
    };
    match call {
        Some((target, call)) if reader.errors.is_empty() => {
            let alert = alert(String::new(), RULE.to_owned(), vec![]);
            Ok(Alert { schema: Schema::ByHand, targets: vec![target], direct: Some(call), ..alert })
        }
        _ => Err(reader.errors),
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Reader {
    errors: Vec<BadMember>,
}

/// An object of the body, and where it stands.
#[derive(Clone, Copy)]
struct Members<'a> {
    members: &'a Map<String, Value>,
    at: &'a str,
}

impl<'a> Members<'a> {
    /// A member that is there and not null.
    fn get(self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn at(self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }
}

impl Reader {
    fn call(&mut self, body: &Value) -> Option<(Target, DirectCall)> {
        let known = [
            "target",
            "targetType",
            "name",
            "watcher",
            "scope",
            "bytesToCapturePerPacket",
            "totalBytesPerSession",
            "timeLimitInSeconds",
            "storageLocation",
            "filters",
            "continuousCapture",
            "captureSettings",
        ];
        let body = self.object(body, "#", &known)?;
        let target = self.target(body);
        let watcher = self.watcher(body, target.as_ref());
        let ring = self.ring(body);
        let (storage, file) = self.storage(body, ring.is_some());
        let capture_seconds = match &ring {
            None => self.number(body, "timeLimitInSeconds", 1, u64::from(LONGEST_SECONDS)),
            Some((_, seconds)) => Some(u64::from(*seconds)),
        };
        let call = DirectCall {
            watcher,
            name: self.text_as(body, "name", checked_capture_name),
            storage,
            overrides: Overrides {
                capture_seconds: capture_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
                capture_bytes: self.number(body, "totalBytesPerSession", 0, LARGEST_BYTES),
                packet_bytes: self.number(body, "bytesToCapturePerPacket", 0, LARGEST_BYTES),
                capture_filters: self.filters(body),
                scope: self.scope(body, target.as_ref()),
                file,
                ring: ring.map(|(ring, _)| ring),
                ignore: false,
            },
            by_hand: true,
        };
        Some((target?, call))
    }

    fn target(&mut self, body: Members) -> Option<Target> {
        let is_machine =
            "The target should be the resource id of a virtual machine, a scale set, or an instance of one";
        let Some(text) = self.text(body, "target") else {
            if body.get("target").is_none() {
                self.wrong(&body.at("target"), format!("{is_machine}; it is missing."));
            }
            return None;
        };
        let target = match ResourceId::parse(&text) {
            Ok(id) => Target::new(id),
            Err(why) => {
                self.wrong(&body.at("target"), format!("{is_machine}: {why}."));
                return None;
            }
        };
        let Some(target) = target else {
            self.wrong(&body.at("target"), format!("{is_machine}; it is the id of something else."));
            return None;
        };
        let kind = if target.kind() == TargetKind::VirtualMachine { "AzureVM" } else { "AzureVMSS" };
        if self.text(body, "targetType").is_some_and(|given| given != kind) {
            self.wrong(&body.at("targetType"), format!("For this target it is {kind}; it can be left out."));
        }
        Some(target)
    }

    fn watcher(&mut self, body: Members, target: Option<&Target>) -> Option<ResourceId> {
        let watcher = self.text_as(body, "watcher", |text| {
            let id = ResourceId::parse(text)?;
            anyhow::ensure!(id.is_a("Microsoft.Network", &["networkWatchers"]), "it is the id of something else");
            Ok(id)
        })?;
        if target.is_some_and(|target| target.id().subscription() != watcher.subscription()) {
            let detail = "The watcher should be in the target's subscription, for Azure captures only within one.";
            self.wrong(&body.at("watcher"), detail);
        }
        Some(watcher)
    }

    fn scope(&mut self, body: Members, target: Option<&Target>) -> Scope {
        let Some(value) = body.get("scope") else { return Scope::default() };
        let at = body.at("scope");
        let Some(scope) = self.object(value, &at, &["include", "exclude"]) else { return Scope::default() };
        let scope = Scope { include: self.instances(scope, "include"), exclude: self.instances(scope, "exclude") };
        let is_set = target.is_none_or(|target| target.kind() == TargetKind::ScaleSet);
        if !scope.is_everything() && !is_set {
            self.wrong(&at, "A scope chooses instances of a scale set, and the target is not a whole one.");
        }
        scope
    }

    fn instances(&mut self, scope: Members, name: &str) -> Vec<String> {
        let Some(value) = scope.get(name) else { return vec![] };
        let at = scope.at(name);
        let Some(items) = self.list(value, &at, MOST_INSTANCES) else { return vec![] };
        let mut instances = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.as_str().map(instance) {
                Some(Ok(instance)) => instances.push(instance),
                _ => self.wrong(&format!("{at}/{index}"), "It should be the id of an instance, such as \"0\"."),
            }
        }
        instances
    }

    fn ring(&mut self, body: Members) -> Option<(Ring, u32)> {
        let continuous = match body.get("continuousCapture") {
            None => None,
            Some(Value::Bool(continuous)) => Some(*continuous),
            Some(_) => {
                self.wrong(&body.at("continuousCapture"), "It should be true, false or null.");
                None
            }
        };
        let at = body.at("captureSettings");
        let known = ["fileCount", "fileSizeInBytes", "sessionTimeLimitInSeconds"];
        let settings = body.get("captureSettings").and_then(|value| self.object(value, &at, &known));
        let Some(continuous) = continuous else {
            if settings.is_some() {
                self.wrong(&at, "It goes with continuousCapture, which is not set.");
            }
            return None;
        };
        if body.get("timeLimitInSeconds").is_some() {
            let detail = "With continuousCapture the limit is captureSettings/sessionTimeLimitInSeconds.";
            self.wrong(&body.at("timeLimitInSeconds"), detail);
        }
        let mut number = |name, least, most| settings.and_then(|settings| self.number(settings, name, least, most));
        let files = number("fileCount", 0, u64::from(MOST_RING_FILES)).and_then(|files| u32::try_from(files).ok());
        let file_bytes = number("fileSizeInBytes", 0, LARGEST_BYTES);
        let seconds = number("sessionTimeLimitInSeconds", 1, u64::from(LONGEST_RING_SECONDS));
        let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(USUAL_RING_SECONDS);
        Some((Ring { continuous, files, file_bytes }, seconds))
    }

    fn storage(&mut self, body: Members, is_ring: bool) -> (Option<ResourceId>, FilePlace) {
        let none = (None, FilePlace::default());
        let Some(value) = body.get("storageLocation") else { return none };
        let at = body.at("storageLocation");
        let known = ["storageId", "storagePath", "filePath", "localPath"];
        let Some(location) = self.object(value, &at, &known) else { return none };
        let storage = self.text_as(location, "storageId", storage_account);
        let storage_path = self.text_as(location, "storagePath", blob_url);
        let (own, other) = if is_ring { ("localPath", "filePath") } else { ("filePath", "localPath") };
        if location.get(other).is_some() {
            let when = if is_ring { "with" } else { "without" };
            self.wrong(&location.at(other), format!("{when} continuousCapture the path on the machine is {own}."));
        }
        let machine_path = self.text_as(location, own, path_on_machine);
        if storage_path.is_some() && location.get("storageId").is_none() {
            self.wrong(&location.at("storageId"), "It is needed with storagePath: the account that the path is in.");
        }
        let only_on_machine = machine_path.is_some() && storage.is_none();
        (storage, FilePlace { storage_path, machine_path, only_on_machine })
    }

    fn filters(&mut self, body: Members) -> Option<Vec<Filter>> {
        let value = body.get("filters")?;
        let at = body.at("filters");
        let items = self.list(value, &at, usize::MAX)?;
        if value.to_string().len() > LONGEST_LIST {
            self.wrong(&at, format!("A list of filters has at most {LONGEST_LIST} bytes."));
            return None;
        }
        let items = items.iter().enumerate();
        Some(items.filter_map(|(index, item)| self.filter(item, &format!("{at}/{index}"))).collect())
    }

    fn filter(&mut self, item: &Value, at: &str) -> Option<Filter> {
        let known = ["protocol", "localIPAddress", "remoteIPAddress", "localPort", "remotePort"];
        let members = self.object(item, at, &known)?;
        for name in known {
            // Alone, so that it is known which one is wrong.
            let Some(value) = members.get(name) else { continue };
            let alone = serde_json::from_value::<Filter>(json!({name: value}));
            let problem = match alone.map(Filter::checked) {
                Ok(Ok(_)) => continue,
                Ok(Err(why)) => format!("It cannot be used: {why:#}."),
                Err(_) => "It should be a text.".to_owned(),
            };
            self.wrong(&members.at(name), problem);
        }
        serde_json::from_value::<Filter>(item.clone()).ok()?.checked().ok()
    }

    fn object<'a>(&mut self, value: &'a Value, at: &'a str, known: &[&str]) -> Option<Members<'a>> {
        let Some(members) = value.as_object() else {
            self.wrong(at, "It should be a JSON object.");
            return None;
        };
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            let detail = format!("There is no such member here; there are {}.", known.join(", "));
            self.wrong(&format!("{at}/{}", escaped(name)), detail);
        }
        Some(Members { members, at })
    }

    fn list<'a>(&mut self, value: &'a Value, at: &str, most: usize) -> Option<&'a [Value]> {
        match value.as_array() {
            Some(items) if items.len() <= most => Some(items),
            Some(_) => {
                self.wrong(at, format!("It has more than {most} items."));
                None
            }
            None => {
                self.wrong(at, "It should be a JSON list.");
                None
            }
        }
    }

    fn number(&mut self, members: Members, name: &str, least: u64, most: u64) -> Option<u64> {
        let value = members.get(name)?;
        let number = value.as_u64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong(&members.at(name), format!("It should be a whole number from {least} to {most}."));
        }
        number
    }

    /// A text that is not empty.
    fn text(&mut self, members: Members, name: &str) -> Option<String> {
        let text = members.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(&members.at(name), "It should be a text that is not empty.");
        }
        text.map(str::to_owned)
    }

    fn text_as<T>(&mut self, members: Members, name: &str, read: impl FnOnce(&str) -> anyhow::Result<T>) -> Option<T> {
        let text = self.text(members, name)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(why) => {
                self.wrong(&members.at(name), format!("It cannot be used: {why:#}."));
                None
            }
        }
    }

    fn wrong(&mut self, pointer: &str, detail: impl Into<String>) {
        if self.errors.len() < MOST_ERRORS {
            self.errors.push(BadMember { pointer: pointer.to_owned(), detail: detail.into() });
        }
    }
}

/// The URL of a blob, or of the container that one is to be made in.
fn blob_url(text: &str) -> anyhow::Result<String> {
    anyhow::ensure!(text.len() <= LONGEST_PATH, "it is too long");
    let url = url::Url::parse(text)?;
    let is_fine = ["http", "https"].contains(&url.scheme()) && url.query().is_none() && url.fragment().is_none();
    anyhow::ensure!(is_fine, "it should be the URL of a blob or a container, without a query");
    Ok(text.to_owned())
}

fn path_on_machine(text: &str) -> anyhow::Result<String> {
    anyhow::ensure!(text.len() <= LONGEST_PATH && !text.chars().any(char::is_control), "it is too long or odd");
    anyhow::ensure!(
        text.to_ascii_lowercase().ends_with(".cap"),
        "it should end in .cap, and begin with /var/captures on Linux"
    );
    Ok(text.to_owned())
}

/// A name as a step of a JSON pointer in a URI fragment (RFC 6901, 3 and 6).
fn escaped(name: &str) -> String {
    let step = clean(name, 80).replace('~', "~0").replace('/', "~1");
    percent_encoding::utf8_percent_encode(&step, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::packet_capture::CaptureRequest;

    const VM: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm";
    const SET: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/set";
    const ACCOUNT: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/store";

    fn request(body: Value) -> Value {
        let alert = read(body.to_string().as_bytes()).unwrap();
        let call = alert.direct.unwrap();
        assert!(call.by_hand);
        let parameters = call.overrides.applied_to(Default::default());
        serde_json::to_value(CaptureRequest::new(&alert.targets[0], &parameters, call.storage.as_ref())).unwrap()
            ["properties"]
            .clone()
    }

    fn pointers(body: &str) -> Vec<String> {
        read(body.as_bytes()).unwrap_err().into_iter().map(|wrong| wrong.pointer).collect()
    }

    #[test]
    fn every_parameter_comes_out_as_azure_has_it() {
        let file = "https://store.blob.core.windows.net/captures/x.cap";
        let all = json!({
            "target": SET, "targetType": "AzureVMSS", "scope": {"include": ["0", "2"], "exclude": ["1"]},
            "bytesToCapturePerPacket": 96, "totalBytesPerSession": 4_294_967_295_u64, "timeLimitInSeconds": 18000,
            "storageLocation": {"storageId": ACCOUNT, "storagePath": file, "filePath": "/var/captures/x.cap"},
            "filters": [{"protocol": "TCP", "localIPAddress": "10.0.0.4", "remoteIPAddress": "10.0.0.1-10.0.0.9",
                         "localPort": "443", "remotePort": "1-65535"}],
        });
        assert_eq!(request(all.clone()), all);
        let mut ring = all;
        ring["continuousCapture"] = json!(true);
        ring["captureSettings"] =
            json!({"fileCount": 10, "fileSizeInBytes": 5000, "sessionTimeLimitInSeconds": 604_800});
        ring["storageLocation"] = json!({"localPath": "C:\\x.cap"});
        ring.as_object_mut().unwrap().remove("timeLimitInSeconds");
        assert_eq!(request(ring.clone()), ring);
    }

    #[test]
    fn each_wrong_member_is_pointed_at_and_all_at_once() {
        let wrong = json!({
            "target": VM, "targetType": "AzureVMSS", "name": "a/b", "watcher": ACCOUNT, "scope": {"include": ["0"]},
            "bytesToCapturePerPacket": -1, "totalBytesPerSession": "5", "timeLimitInSeconds": 18001,
            "storageLocation": {"storagePath": "https://x/y", "localPath": "x.cap"},
            "filters": [{"protocol": "TCP"}, {"protocol": "ICMP", "localPort": 80, "localIP": "10.0.0.4"}, 7],
            "captureSettings": {"fileCount": 10_001}, "a/b~c": 1,
        });
        let mut found = pointers(&wrong.to_string());
        found.sort();
        let expected = [
            "#/a~1b~0c",
            "#/bytesToCapturePerPacket",
            "#/captureSettings",
            "#/filters/1/localIP",
            "#/filters/1/protocol",
            "#/filters/2",
            "#/name",
            "#/scope",
            "#/storageLocation/localPath",
            "#/storageLocation/storageId",
            "#/targetType",
            "#/timeLimitInSeconds",
            "#/totalBytesPerSession",
            "#/watcher",
        ];
        let expected = expected.map(|pointer| pointer.replace("a~1b~0c", "a%7E1b%7E0c"));
        assert_eq!(found, expected);
        assert_eq!(pointers("{}"), ["#/target"]);
        assert_eq!(pointers("[]"), ["#"]);
        assert_eq!(pointers(""), ["#"]);
    }
}
