//! What came of a form, told on the page that the browser is sent to then. The address has words for it and no sentence, so that
//! nobody can have the page say anything else.

use maud::{Markup, html};

use super::layout::see_other;
use crate::web::capture::{Deed, DoneResult};
use crate::web::form::Form;
use axum::body::Body;
use http::Response;

/// Sends the browser to a page that tells it.
pub fn tell_at(place: &str, deed: Deed, result: DoneResult) -> Response<Body> {
    let (deed, result): (&str, &str) = (deed.into(), result.into());
    see_other(&format!("{place}?told={deed}.{result}"), None)
}

/// The sentence, where the address has one.
pub fn told(query: &Form) -> Markup {
    let told = query.text("told").split_once('.');
    let told = told.and_then(|(deed, result)| Some((deed.parse::<Deed>().ok()?, result.parse::<DoneResult>().ok()?)));
    html! { @if let Some((deed, result)) = told { p.told role="status" { (deed.message(result)) } } }
}
