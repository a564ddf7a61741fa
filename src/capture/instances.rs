//! The names of a scale set's instances, as far as the addresses of their files tell them. Pure.

use crate::azure::blob::File;

/// A name for each of several files of a machine: `web_3` for the one of instance 3. Azure does not publish how it names them, so
/// it is what differs from one address to the next.
pub fn names(machine: &str, files: &[File]) -> Vec<String> {
    if files.len() < 2 {
        return files.iter().map(|_| machine.to_owned()).collect();
    }
    let words: Vec<Vec<&str>> = files.iter().map(|file| words_of(&file.url)).collect();
    let named = files.iter().enumerate().map(|(index, _)| {
        let name = telling(&words).and_then(|place| words.get(index)?.get(place).copied());
        match name {
            Some(name) if name.to_ascii_lowercase().starts_with(&machine.to_ascii_lowercase()) => name.to_owned(),
            Some(name) => format!("{machine}_{name}"),
            None => format!("{machine} file {}", index.saturating_add(1)),
        }
    });
    named.collect()
}

/// The first place at which no two addresses have the same word.
fn telling(words: &[Vec<&str>]) -> Option<usize> {
    let places = words.iter().map(Vec::len).min().unwrap_or_default();
    (0..places).find(|place| {
        let mut there: Vec<&str> = words.iter().filter_map(|words| words.get(*place).copied()).collect();
        there.sort_unstable();
        there.windows(2).all(|pair| pair.first() != pair.last())
    })
}

fn words_of(url: &str) -> Vec<&str> {
    url.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_named_by_what_differs() {
        let base = "https://store.blob.core.windows.net/network-watcher-logs/subscriptions/s/virtualmachinescalesets";
        for (paths, expected) in [
            (vec!["web/2026/11/20/packetcapture_02_13_41_077_9.cap"], vec!["web"]),
            (
                vec![
                    "web/2026/11/20/packetcapture_02_13_41_077_9.cap",
                    "web/2026/11/20/packetcapture_02_13_41_077_10.cap",
                ],
                vec!["web_9", "web_10"],
            ),
            (
                vec![
                    "web/20/packetcapture_077/web_0_packetcapture_077.cap",
                    "web/20/packetcapture_077/web_12_packetcapture_077.cap",
                ],
                vec!["web_0", "web_12"],
            ),
            (
                vec![
                    "web/0/2026/11/20/packetcapture_02_13_41_077.cap",
                    "web/3/2026/11/20/packetcapture_02_13_41_078.cap",
                ],
                vec!["web_0", "web_3"],
            ),
            (vec!["web/x/WEB000001.cap", "web/x/WEB00000A.cap"], vec!["WEB000001", "WEB00000A"]),
            // Two of one instance: Azure may make several of a long capture.
            (vec!["web/x_0_1.cap", "web/x_0_2.cap", "web/x_1_1.cap"], vec!["web file 1", "web file 2", "web file 3"]),
            (vec!["web/x.cap", "web/x.cap"], vec!["web file 1", "web file 2"]),
        ] {
            let files: Vec<File> =
                paths.iter().map(|path| File { url: format!("{base}/{path}"), bytes: None }).collect();
            assert_eq!(names("web", &files), expected);
        }
        assert_eq!(names("web", &[]), Vec::<String>::new());
    }
}
