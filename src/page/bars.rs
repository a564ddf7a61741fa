//! Bars in SVG.

use maud::{Markup, html};

use crate::page::words::share;

/// One of several that are compared.
pub struct Bar {
    /// Who.
    pub name: String,
    /// How much.
    pub value: u64,
    /// How much, in words.
    pub shown: String,
}

/// Bars one under the other, the longest as long as there is room.
pub fn bars(title: &str, bars: &[Bar]) -> Markup {
    const ROW: u32 = 34;
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or_default().max(1);
    let rows = (0_u32..).map(|row| row.saturating_mul(ROW)).zip(bars);
    let height = u32::try_from(bars.len()).unwrap_or_default().saturating_mul(ROW);
    html! {
        @if !bars.is_empty() {
            figure {
                svg width="100%" height=(height) role="img" {
                    title { (title) }
                    desc { (bars.iter().map(|bar| format!("{}: {}", bar.name, bar.shown)).collect::<Vec<_>>().join("; ")) }
                    @for (y, bar) in rows {
                        // A long name ends where how much it is begins.
                        svg y=(y) width="74%" height="20" { text x="0" y="14" { (bar.name) } }
                        text.soft x="100%" y=(y.saturating_add(14)) text-anchor="end" { (bar.shown) }
                        rect.ground x="0" y=(y.saturating_add(20)) width="100%" height="7" rx="2" {}
                        rect.bar x="0" y=(y.saturating_add(20)) height="7" rx="2"
                            width=(share(100.0 * bar.value as f64 / most as f64)) {}
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bars_are_no_drawing() {
        assert_eq!(bars("None", &[]).into_string(), "");
    }
}
