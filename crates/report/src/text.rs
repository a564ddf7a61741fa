//! Texts from outside.

/// A text from outside, made fit to be shown: one line of at most so many bytes, the last of which are an ellipsis when
/// something is missing, and nothing in it that steers a terminal, a page or the direction of writing.
pub fn clean(text: &str, most: usize) -> String {
    let shown: String = text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect();
    let mut line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > most {
        line.truncate(line.floor_char_boundary(most.saturating_sub('…'.len_utf8())));
        line.push('…');
    }
    line
}

/// Control characters, those that turn the direction of writing around (Unicode's "Bidirectional Algorithm", 2), and
/// the codes that Unicode promises never to make a character.
fn is_invisible(c: char) -> bool {
    let is_direction = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let is_no_character = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    c.is_control() || is_direction || is_no_character
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_texts_are_short_single_lines() {
        assert_eq!(clean(" a\r\n\tb\0c\u{9b}d\u{2028}e ", 20), "a b c d e");
        assert_eq!(clean("admin\u{202e}txt.exe\u{2066}\u{200f}", 20), "admin txt.exe");
        assert_eq!(clean("abcdef", 6), "abcdef");
        assert_eq!(clean("abcdefg", 6), "abc…");
        assert_eq!(clean("ääää", 6), "ä…");
        assert_eq!(clean("Größe 東京 👩‍🚀", 40), "Größe 東京 👩‍🚀");
    }
}
