//! `?number=`: one of a capture's files, by its place in the record's list, from 1.

use url::form_urlencoded;

use super::problem::Problem;
use crate::azure::blob::File;
use crate::records::capture::CaptureRecord;

/// The file that a query names, with its number; nothing when it names none.
pub fn numbered<'a>(record: &'a CaptureRecord, query: Option<&str>) -> Result<Option<(usize, &'a File)>, Problem> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let Some((_, number)) = pairs.find(|(name, _)| name == "number") else { return Ok(None) };
    let number = number.parse::<usize>().ok();
    let file = number.and_then(|number| Some((number, record.files.get(number.checked_sub(1)?)?)));
    match record.files.len() {
        // Why there is none, others know better.
        0 => Ok(None),
        count if file.is_none() => {
            Err(Problem::not_found(format!("This capture has {count} files; number is from 1 to {count}.")))
        }
        _ => Ok(file),
    }
}
