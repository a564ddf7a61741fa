//! What a request to Azure is for, in words.

use nightcap_simulator::{Exchange, Service};

/// Why nightcap sends this request.
pub fn purpose(exchange: &Exchange) -> String {
    let path = exchange.path.split('?').next().unwrap_or_default();
    match exchange.service {
        Service::Entra if exchange.body.contains("storage.azure.com") => {
            "sign in: a token for Blob storage, please".into()
        }
        Service::Entra => "sign in: a token, please".into(),
        Service::Identity => "get a token for the managed identity".into(),
        Service::Sink => "tell the people in the channel".into(),
        Service::Blob if exchange.method == "HEAD" => "is the capture's file there, and how large is it?".into(),
        Service::Blob => "what is in the file?".into(),
        Service::Arm => of_resource_manager(&exchange.method, path),
    }
}

fn of_resource_manager(method: &str, path: &str) -> String {
    let lower = path.to_lowercase();
    let (before, last) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let name = &path[path.len() - last.len()..];
    let is_capture = before.ends_with("/packetcaptures");
    match method {
        "GET" if lower.contains("/operations/") => "has the capture begun?".into(),
        "GET" if lower.contains("/operationresults/") => "what came of it?".into(),
        "GET" if before.ends_with("/virtualmachines") || before.ends_with("/virtualmachinescalesets") => {
            "in which region is the machine, and has it the agent?".into()
        }
        "GET" if last == "packetcaptures" => "which captures are there already?".into(),
        "GET" if last == "networkwatchers" => "which watcher serves the region?".into(),
        "GET" if is_capture => format!("what is {name}?"),
        "PUT" if is_capture => "start the capture".into(),
        "DELETE" if is_capture => format!("remove {name}"),
        "POST" if last == "querystatus" || last == "querypacketcapturestatus" => "does the capture run?".into(),
        "POST" if last == "stop" => "stop the capture".into(),
        _ => path.to_owned(),
    }
}
