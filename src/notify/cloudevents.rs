use super::{Message, Notice};

pub(super) fn render(notice: &Notice) -> Message {
    let body = serde_json::json!({"specversion": "1.0", "id": notice.id, "source": "/nightcap", "type": format!("nightcap.capture.{}", notice.event.word()), "data": notice});
    Message { content_type: "application/cloudevents+json", body: body.to_string().into_bytes() }
}
