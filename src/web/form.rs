//! Bodies of a page's forms.

use axum::body::Body;
use http::{Request, StatusCode, header};

use super::body::read;
use super::problem::Problem;

/// The largest body of a form.
const LARGEST_BODY: usize = 64 * 1024;

/// The fields of a form, in the page's order.
#[derive(Default)]
pub struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    pub async fn read(request: Request<Body>) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form =
            content_type.unwrap_or_default().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
        if !is_form {
            let detail =
                "This address takes what a form of nightcap's page sends. Programs use the addresses below /api.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        Ok(Self::parse(&read(body, LARGEST_BODY).await?))
    }

    /// The fields of a form, or of a query.
    pub fn parse(encoded: &[u8]) -> Self {
        let fields = url::form_urlencoded::parse(encoded);
        Self { fields: fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect() }
    }

    /// What stands in a field, without blanks around it; empty when the field is not there.
    pub fn text(&self, name: &str) -> &str {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.trim()).unwrap_or_default()
    }

    /// The same fields as a query, without those of these names and those that are empty.
    pub fn as_query(&self, without: &[&str]) -> String {
        let fields = self.fields.iter().filter(|(name, value)| !value.is_empty() && !without.contains(&name.as_str()));
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    }
}
