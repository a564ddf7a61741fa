//! What packets carry: questions to name servers and the beginnings of TLS.

use std::net::Ipv4Addr;

pub(crate) fn dns_question(id: u16, name: &str) -> Vec<u8> {
    let mut message = dns_header(id, 0x0100, 0);
    message.extend(question(name));
    message
}

pub(crate) fn dns_answer(id: u16, name: &str, address: Ipv4Addr) -> Vec<u8> {
    let mut message = dns_header(id, 0x8180, 1);
    message.extend(question(name));
    // A pointer to the question's name, A, IN, a minute to live, four bytes.
    message.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend(address.octets());
    message
}

fn dns_header(id: u16, flags: u16, answers: u16) -> Vec<u8> {
    [id, flags, 1, answers, 0, 0].iter().flat_map(|field| field.to_be_bytes()).collect()
}

fn question(name: &str) -> Vec<u8> {
    let mut question: Vec<u8> = Vec::new();
    for label in name.split('.') {
        question.push(label.len() as u8);
        question.extend(label.as_bytes());
    }
    // The root, A, IN.
    question.extend([0, 0, 1, 0, 1]);
    question
}

/// A TLS 1.3 ClientHello (RFC 8446, 4.1.2) that names its server (RFC 6066, 3).
pub(crate) fn client_hello(name: &str, random: &[u8]) -> Vec<u8> {
    let host = with_length(&[0], 2, name.as_bytes());
    let server_name = with_length(&[0, 0], 2, &with_length(&[], 2, &host));
    let versions = [0, 43, 0, 3, 2, 3, 4];
    let mut hello = vec![3, 3];
    hello.extend(random);
    hello.push(0);
    hello.extend(with_length(&[], 2, &[0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f]));
    hello.extend([1, 0]);
    hello.extend(with_length(&[], 2, &[&server_name[..], &versions[..]].concat()));
    with_length(&[22, 3, 1], 2, &with_length(&[1], 3, &hello))
}

/// A TLS 1.3 ServerHello (RFC 8446, 4.1.3).
pub(crate) fn server_hello(random: &[u8]) -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend(random);
    hello.extend([0, 0x13, 0x01, 0]);
    hello.extend(with_length(&[], 2, &[0, 43, 0, 2, 3, 4]));
    with_length(&[22, 3, 3], 2, &with_length(&[2], 3, &hello))
}

/// A TLS record of encrypted data.
pub(crate) fn application_data(content: &[u8]) -> Vec<u8> {
    with_length(&[23, 3, 3], 2, content)
}

/// A head, the content's length in so many bytes, and the content.
fn with_length(head: &[u8], width: usize, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_be_bytes();
    [head, &length[8 - width..], content].concat()
}
