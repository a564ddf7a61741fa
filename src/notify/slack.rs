use super::{Message, Notice};

pub(super) fn render(_notice: &Notice) -> Message {
    Message { content_type: "application/json", body: vec![] }
}
