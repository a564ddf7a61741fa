//! Why a request is not answered, by JSON-RPC 2.0.

pub const NOT_JSON: i32 = -32700;
pub const NO_REQUEST: i32 = -32600;
pub const NO_SUCH_METHOD: i32 = -32601;
pub const BAD_PARAMETERS: i32 = -32602;

/// One of these codes, and a sentence.
pub struct Refusal {
    pub code: i32,
    pub message: String,
}
