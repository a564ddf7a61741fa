//! Access tokens that were issued, for whom and until when.

use std::collections::HashMap;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use crate::answer;
use crate::identifier::Identifiers;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Arm,
    Storage,
}

#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: HashMap<String, Token>,
}

#[derive(Debug)]
struct Token {
    audience: Audience,
    expires: Timestamp,
    scope: String,
}

/// Why a request's token is not accepted.
#[derive(Debug, PartialEq)]
pub(crate) enum Refused {
    Missing,
    NotBearer,
    Unknown,
    Expired(Timestamp),
    WrongAudience(String),
}

impl Tokens {
    pub(crate) fn issue(
        &mut self,
        identifiers: &mut Identifiers,
        audience: Audience,
        scope: &str,
        expires: Timestamp,
    ) -> String {
        let token = format!("simulated.{}.{}", identifiers.opaque(600), identifiers.opaque(342));
        self.issued.insert(token.clone(), Token { audience, expires, scope: scope.into() });
        token
    }

    pub(crate) fn check(&self, request: &Request<Bytes>, audience: Audience, now: Timestamp) -> Result<(), Refused> {
        let header = answer::header(request, "authorization").ok_or(Refused::Missing)?;
        let (scheme, credential) = header.split_once(' ').ok_or(Refused::NotBearer)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refused::NotBearer);
        }
        let token = self.issued.get(credential.trim()).ok_or(Refused::Unknown)?;
        if token.expires <= now {
            return Err(Refused::Expired(token.expires));
        }
        if token.audience != audience {
            return Err(Refused::WrongAudience(token.scope.trim_end_matches("/.default").into()));
        }
        Ok(())
    }

    pub(crate) fn expire_all(&mut self) {
        for token in self.issued.values_mut() {
            token.expires = Timestamp::MIN;
        }
    }
}
