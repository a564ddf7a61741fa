//! Network watchers: one GET each, and lists by subscription and by resource group
//! (azure-rest-api-specs networkWatcher.json).

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::arm::call::{Call, resource_not_found};
use crate::arm::page::page;
use crate::error::ArmError;
use crate::resource_id::name_of;
use crate::state::State;
use crate::world::resources::Watcher;

pub(crate) fn list(state: &State, call: &Call) -> Answer {
    let watchers = state.world.watchers.iter().filter(|watcher| call.path.contains(&watcher.id));
    page(state, call, watchers.map(resource).collect(), state.world.watchers_per_page)
}

pub(crate) fn get(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let watcher = state.world.watcher(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    Ok(answer::json(StatusCode::OK, &resource(watcher)))
}

fn resource(watcher: &Watcher) -> Value {
    json!({
        "name": name_of(&watcher.id),
        "id": watcher.id,
        "etag": "W/\"9f6e1d1c-6e2f-4f5b-9a36-0d4a3f6f7a10\"",
        "type": "Microsoft.Network/networkWatchers",
        "location": watcher.location,
        "tags": {},
        "properties": { "provisioningState": "Succeeded" },
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, code, json};
    use crate::{SUBSCRIPTION, World};

    #[test]
    fn watchers_are_listed_by_subscription_and_by_group() {
        let mut client = Client::new(World::sample);
        let mut names = |scope: &str| -> Vec<String> {
            let url = format!(
                "https://management.azure.com/subscriptions/{SUBSCRIPTION}{scope}/providers/Microsoft.Network/networkWatchers?api-version=2025-05-01"
            );
            let list = json(&client.arm("GET", &url, ""));
            list["value"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(""), ["NetworkWatcher_westcentralus", "NetworkWatcher_eastus", "nw-westeurope-custom"]);
        assert_eq!(names("/resourceGroups/PLATFORM-NET"), ["nw-westeurope-custom"]);
    }

    #[test]
    fn a_list_in_pages_is_complete_when_its_links_are_followed() {
        let mut client = Client::new(World::sample);
        client.azure.world_mut().watchers_per_page = Some(2);
        let mut next = Some(format!(
            "https://management.azure.com/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/networkWatchers?api-version=2025-05-01"
        ));
        let mut pages = Vec::new();
        while let Some(url) = next {
            let page = json(&client.arm("GET", &url, ""));
            pages.push(page["value"].as_array().unwrap().len());
            next = page["nextLink"].as_str().map(String::from);
        }
        assert_eq!(pages, [2, 1]);
    }

    #[test]
    fn a_watcher_that_is_not_there_is_404() {
        let mut client = Client::new(World::sample);
        let url = format!(
            "https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourceGroups/NetworkWatcherRG/providers/Microsoft.Network/networkWatchers/NetworkWatcher_westeurope?api-version=2025-05-01"
        );
        assert_eq!(code(&client.arm("GET", &url, "")), "ResourceNotFound");
    }
}
