//! How nightcap proves to Entra who it is. Each way takes settings of its own.

use anyhow::{Context, bail, ensure};
use url::Url;

use super::checks::{client, present, tenant};
use super::reader::Reader;
use super::table::NO_IDENTITY;
use crate::azure::credential::{
    ClientSecret, Credential, FederatedToken, METADATA_SERVICE, ManagedIdentity, WorkloadIdentity, endpoint,
};
use crate::azure::secret::Secret;

/// Where a machine gets its tokens from.
const METADATA_ORIGIN: &str = "http://169.254.169.254";

/// The words of the setting `credential`.
#[derive(Clone, Copy, Default)]
enum Way {
    #[default]
    Secret,
    ManagedIdentity,
    WorkloadIdentity,
}

/// Reads the way, and what it takes.
pub fn credential(reader: &mut Reader) -> Credential {
    match reader.take("credential", way) {
        Way::Secret => Credential::ClientSecret(ClientSecret {
            tenant_id: reader.take("tenant_id", tenant),
            client_id: reader.take("client_id", client),
            client_secret: reader.take("client_secret", |text| present(text).map(Secret::new)),
        }),
        Way::ManagedIdentity => Credential::ManagedIdentity(managed_identity(reader)),
        Way::WorkloadIdentity => Credential::WorkloadIdentity(WorkloadIdentity {
            tenant_id: reader.take("tenant_id", tenant),
            client_id: reader.take("client_id", client),
            token: federated_token(reader),
        }),
    }
}

/// What the keys are made of that seal tokens in the store: the client secret, or else a key of those who call.
pub fn sealing(reader: &Reader) -> Option<Secret> {
    let given = ["client_secret", "webhook_key", "operator_key"].map(|setting| reader.text(setting));
    given.into_iter().find(|text| !text.is_empty()).map(Secret::new)
}

fn way(text: &str) -> anyhow::Result<Way> {
    Ok(match text {
        "secret" => Way::Secret,
        "managed_identity" => Way::ManagedIdentity,
        "workload_identity" => Way::WorkloadIdentity,
        _ => bail!("it should be secret, managed_identity or workload_identity"),
    })
}

fn managed_identity(reader: &mut Reader) -> ManagedIdentity {
    let place = reader
        .take("identity_endpoint", |text| endpoint(if text.is_empty() { METADATA_SERVICE } else { text }).map(Some));
    reader.take("identity_origin", |text| {
        let is_it = |place: Url| Url::parse(text).is_ok_and(|own| own.origin() == place.origin());
        ensure!(
            text == NO_IDENTITY || place.is_none_or(is_it),
            "it should be the scheme, host and port of identity_endpoint, or {METADATA_ORIGIN} without one"
        );
        Ok(())
    });
    let client_id = reader.text("client_id");
    ManagedIdentity { client_id: (!client_id.is_empty()).then(|| client_id.to_owned()) }
}

fn federated_token(reader: &mut Reader) -> FederatedToken {
    let token = reader.text("federated_token").to_owned();
    if !token.is_empty() {
        return FederatedToken::Setting(Secret::new(token));
    }
    let file = reader.take("federated_token_file", |text| {
        present(text).context("with credential workload_identity, it or federated_token must be set")
    });
    FederatedToken::File(file)
}
