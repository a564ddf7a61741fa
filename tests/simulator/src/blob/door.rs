//! Blob storage's front door, as far as reading capture files goes: it checks the version and the token, and finds
//! the blob or the container (Storage REST reference: Get Blob, List Blobs, Authorize with Microsoft Entra ID).

use bytes::Bytes;
use http::{Method, Request};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use crate::answer::{self, Answer};
use crate::blob::file;
use crate::blob::get::get_blob;
use crate::blob::list::list_blobs;
use crate::blob::refusal::{
    BLOB_NOT_FOUND, CONTAINER_NOT_FOUND, INVALID_HEADER, NO_PERMISSION, RESOURCE_NOT_FOUND, Refusal, UNSUPPORTED_VERB,
    VERSION_TOO_OLD, token_refused,
};
use crate::resource_id::{name_of, same};
use crate::state::State;
use crate::token::Audience;
use crate::world::inventory::World;

const OLDEST_WITH_TOKENS: &str = "2017-11-09";
const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";

pub(crate) fn answer(state: &mut State, now: Timestamp, request: &Request<Bytes>) -> Answer {
    let mut answer = match admit(state, now, request) {
        Err(answer) => *answer,
        Ok(()) => read(state, now, request).unwrap_or_else(Refusal::into_answer),
    };
    answer::set(&mut answer, "x-ms-request-id", &state.identifiers.guid());
    answer::set(&mut answer, "server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0");
    if let Some(version) = request.headers().get("x-ms-version") {
        answer.headers_mut().insert("x-ms-version", version.clone());
    }
    if let Some(id) = request.headers().get("x-ms-client-request-id") {
        answer.headers_mut().insert("x-ms-client-request-id", id.clone());
    }
    if request.method() == Method::HEAD {
        answer.body_mut().clear();
    }
    answer
}

fn admit(state: &State, now: Timestamp, request: &Request<Bytes>) -> Result<(), Box<Answer>> {
    let has_token = request.headers().contains_key("authorization");
    match answer::header(request, "x-ms-version") {
        Some(version) if !is_date(version) => return Err(Box::new(INVALID_HEADER.into_answer())),
        Some(version) if version >= OLDEST_WITH_TOKENS => {}
        _ if has_token => return Err(Box::new(VERSION_TOO_OLD.into_answer())),
        _ => {}
    }
    let token = state.tokens.check(request, Audience::Storage, now);
    token.map_err(|refused| Box::new(token_refused(&state.world, refused)))?;
    if state.world.denied_actions.iter().any(|denied| same(denied, READ)) {
        return Err(Box::new(NO_PERMISSION.into_answer()));
    }
    Ok(())
}

fn read(state: &mut State, now: Timestamp, request: &Request<Bytes>) -> Result<Answer, Refusal> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(UNSUPPORTED_VERB);
    }
    let url = url_of(&state.world, request).ok_or(RESOURCE_NOT_FOUND)?;
    let asks = |name: &str, value: &str| answer::query(request, name).as_deref() == Some(value);
    if asks("restype", "container") && asks("comp", "list") {
        return list_blobs(state, now, request, url.trim_end_matches('/'));
    }
    // The last one: a later capture may have been told to write to the same place.
    let Some((id, since)) =
        file::visible(state, now).filter(|file| file.url == url).last().map(|file| (file.id, file.since))
    else {
        return Err(if file::container_exists(state, &url) { BLOB_NOT_FOUND } else { CONTAINER_NOT_FOUND });
    };
    let content = file::content(state, id);
    get_blob(request, &content, since, &id.etag())
}

/// The blob's URL in the form in which captures know their files: without query, and decoded.
fn url_of(world: &World, request: &Request<Bytes>) -> Option<String> {
    let path = percent_decode_str(request.uri().path()).decode_utf8().ok()?;
    let base = &world.urls.blob;
    let Some((before, after)) = base.split_once('*') else {
        return knows_account(world, path.trim_start_matches('/')).then(|| format!("{base}{path}"));
    };
    let host = request.uri().authority().map(|authority| authority.as_str());
    let host = host.or_else(|| answer::header(request, "host"))?;
    let scheme_end = before.find("://").map_or(0, |at| at + 3);
    let account = host.strip_prefix(&before[scheme_end..])?.strip_suffix(after)?;
    knows_account(world, account).then(|| format!("{}{path}", world.urls.blob_account(account)))
}

fn knows_account(world: &World, path: &str) -> bool {
    let account = path.split('/').next().unwrap_or_default();
    world.storage_accounts.iter().any(|known| name_of(&known.id) == account)
}

fn is_date(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Client;
    use crate::testing::blob_error_code as error_code;
    use crate::{Service, World};

    #[test]
    fn a_token_for_storage_and_a_version_that_knows_tokens_are_needed() {
        let (mut client, url) = Client::after_a_capture();
        let version = ("x-ms-version", "2021-12-02");
        let storage = format!("Bearer {}", client.storage_token());
        let arm = format!("Bearer {}", client.arm_token());
        let mut ask = |headers: &[(&str, &str)]| error_code(&client.send(Service::Blob, "GET", &url, headers, ""));
        assert_eq!(ask(&[version]), (401, "NoAuthenticationInformation".into()));
        assert_eq!(ask(&[version, ("authorization", &arm)]), (401, "InvalidAuthenticationInfo".into()));
        assert_eq!(ask(&[("authorization", &storage)]), (403, "AuthenticationFailed".into()));
        let old = [("x-ms-version", "2017-07-29"), ("authorization", storage.as_str())];
        assert_eq!(ask(&old), (403, "AuthenticationFailed".into()));
        let wrong = [("x-ms-version", "newest"), ("authorization", storage.as_str())];
        assert_eq!(ask(&wrong), (400, "InvalidHeaderValue".into()));
        client.azure.world_mut().denied_actions = vec![READ.into()];
        assert_eq!(error_code(&client.blob("GET", &url, &[])), (403, "AuthorizationPermissionMismatch".into()));
    }

    #[test]
    fn accounts_may_be_in_the_path() {
        let mut client = Client::new(|urls| World::sample(crate::Urls { blob: "http://127.0.0.1:1".into(), ..urls }));
        client.start("pc1");
        client.pass(63);
        let url = client.azure.captures()[0].storage_path.clone();
        assert!(url.starts_with("http://127.0.0.1:1/contosoexamplergdiag374/network-watcher-logs/subscriptions/"));
        assert_eq!(client.blob("GET", &url, &[]).status(), 200);
        let path = url.strip_prefix("http://127.0.0.1:1").unwrap();
        assert_eq!(client.blob("GET", path, &[("host", "127.0.0.1:1")]).status(), 200, "as a socket shows it");
    }
}
