//! Where the services are.

/// Where each service is reached: origins without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// Microsoft Entra's login endpoint.
    pub authority: String,
    pub arm: String,
    /// Blob storage. With a `*`, the account's name stands in its place; without, it is the first part of the path.
    pub blob: String,
    /// Where messages are posted.
    pub sink: String,
    /// Where managed identities get their tokens.
    pub identity: String,
}

impl Urls {
    /// The hosts of Azure's public cloud, and `https://sink.example` for messages.
    pub fn public() -> Urls {
        Urls {
            authority: "https://login.microsoftonline.com".into(),
            arm: "https://management.azure.com".into(),
            blob: "https://*.blob.core.windows.net".into(),
            sink: "https://sink.example".into(),
            identity: "http://169.254.169.254".into(),
        }
    }

    /// The address of a storage account, as its blobs' URLs begin.
    pub(crate) fn blob_account(&self, account: &str) -> String {
        if self.blob.contains('*') { self.blob.replacen('*', account, 1) } else { format!("{}/{account}", self.blob) }
    }
}
