//! The parameters of a request's query. What is unknown or cannot be read is told, for a filter that is silently left out shows
//! something else than was asked for.

use http::StatusCode;
use url::form_urlencoded;

use super::problem::Problem;

/// The parameters, each at most once.
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads them; only those of the known names.
    pub fn read(query: Option<&str>, known: &[&'static str]) -> Result<Self, Problem> {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let pairs: Vec<(String, String)> = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let detail = format!("The query has a parameter that is not known here; there are: {known}.");
                return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
            }
            if pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(Self::wrong(name, "is there twice"));
            }
        }
        Ok(Self { pairs })
    }

    /// A parameter that is there and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    /// The same as something that it can be read as; `expected` says what that is.
    pub fn value<T>(
        &self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| Self::wrong(name, &format!("should be {expected}")))
    }

    /// The same where it has to be there.
    pub fn needed<T>(
        &self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Problem> {
        self.value(name, expected, read)?
            .ok_or_else(|| Self::wrong(name, &format!("is missing; it should be {expected}")))
    }

    /// A switch, which is off unless it is there.
    pub fn switch(&self, name: &'static str) -> Result<bool, Problem> {
        Ok(self.value(name, "true or false", |text| text.parse().ok())?.unwrap_or_default())
    }

    fn wrong(name: &str, problem: &str) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, format!("The query's {name} {problem}.")).with("parameter", name)
    }
}
