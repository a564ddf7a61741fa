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

/// Control characters, those that turn the direction of writing around (Unicode's "Bidirectional Algorithm", 2), those
/// that are not shown, and the codes that Unicode promises never to make a character.
fn is_invisible(c: char) -> bool {
    let is_direction = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    // Unicode's `Default_Ignorable_Code_Point`: joiners, fillers, selectors of a variant, tags; and marks of annotations.
    let is_ignorable = matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    let is_no_character = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    c.is_control() || is_direction || is_ignorable || is_no_character
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
        assert_eq!(clean("Größe 東京 🚀", 40), "Größe 東京 🚀");
        for invisible in [
            '\u{ad}',
            '\u{34f}',
            '\u{115f}',
            '\u{1160}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{2060}',
            '\u{2064}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            assert_eq!(clean(&format!("db{invisible}01{invisible}"), 20), "db 01", "{invisible:?}");
        }
    }
}
