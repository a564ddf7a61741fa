//! The path of a Resource Manager request, taken apart.

use percent_encoding::percent_decode_str;

/// `/subscriptions/{subscription}[/resourceGroups/{group}][/providers/{provider}/{rest…}]`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ResourcePath {
    pub(crate) subscription: String,
    pub(crate) group: Option<String>,
    /// The provider's namespace in lower case.
    pub(crate) provider: Option<String>,
    /// Types and names after the namespace, in the case of the request.
    pub(crate) rest: Vec<String>,
}

impl ResourcePath {
    /// Reads a path; `None` when it is not of that form or has empty or undecodable segments.
    pub(crate) fn parse(path: &str) -> Option<ResourcePath> {
        if path.trim_end_matches('/').eq_ignore_ascii_case("/subscriptions") {
            return Some(ResourcePath::default());
        }
        let mut segments = decode(path)?.into_iter().peekable();
        // A literal that is not there is `Some(None)`, one without a value is `None`.
        let mut take = |literal: &str| -> Option<Option<String>> {
            match segments.next_if(|segment| segment.eq_ignore_ascii_case(literal)) {
                None => Some(None),
                Some(_) => segments.next().map(Some),
            }
        };
        let subscription = take("subscriptions")??;
        let group = take("resourceGroups")?;
        let provider = take("providers")?.map(|namespace| namespace.to_lowercase());
        let rest: Vec<String> = segments.collect();
        if provider.is_none() && !rest.is_empty() {
            return None;
        }
        Some(ResourcePath { subscription, group, provider, rest })
    }

    /// The scope in which resources are looked for: `/subscriptions/…[/resourceGroups/…]/`.
    pub(crate) fn scope(&self) -> String {
        match &self.group {
            Some(group) => format!("/subscriptions/{}/resourceGroups/{group}/", self.subscription),
            None => format!("/subscriptions/{}/", self.subscription),
        }
    }

    /// The id of the resource that the first `segments` of the rest name.
    pub(crate) fn id(&self, segments: usize) -> String {
        let provider = self.provider.as_deref().unwrap_or_default();
        let rest: Vec<&str> = self.rest.iter().take(segments).map(String::as_str).collect();
        format!("{}providers/{provider}/{}", self.scope(), rest.join("/"))
    }

    /// The rest in lower case, to be matched.
    pub(crate) fn lower_rest(&self) -> Vec<String> {
        self.rest.iter().map(|segment| segment.to_lowercase()).collect()
    }

    /// Whether a type or name of the rest is this one.
    pub(crate) fn has_segment(&self, wanted: &str) -> bool {
        self.rest.iter().any(|segment| segment.eq_ignore_ascii_case(wanted))
    }

    /// Whether an id lies in this path's subscription and, if it names one, resource group.
    pub(crate) fn contains(&self, id: &str) -> bool {
        id.to_lowercase().starts_with(&self.scope().to_lowercase())
    }
}

fn decode(path: &str) -> Option<Vec<String>> {
    path.strip_prefix('/')?
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8().ok().map(String::from))
        .map(|segment| segment.filter(|segment| !segment.is_empty()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart_in_any_case() {
        let path =
            ResourcePath::parse("/SUBSCRIPTIONS/s/resourcegroups/G/Providers/Microsoft.Network/networkWatchers/N%2Dw")
                .unwrap();
        assert_eq!((path.subscription.as_str(), path.group.as_deref()), ("s", Some("G")));
        assert_eq!(path.provider.as_deref(), Some("microsoft.network"));
        assert_eq!(path.rest, ["networkWatchers", "N-w"]);
        assert_eq!(path.id(2), "/subscriptions/s/resourceGroups/G/providers/microsoft.network/networkWatchers/N-w");
    }

    #[test]
    fn the_list_of_subscriptions_is_in_none_of_them() {
        assert_eq!(ResourcePath::parse("/Subscriptions"), Some(ResourcePath::default()));
    }

    #[test]
    fn other_paths_are_not() {
        for path in
            ["", "/", "/subscriptions//x", "/subscriptions/s/elsewhere", "/subscriptions/s/providers", "/tenants/x"]
        {
            assert_eq!(ResourcePath::parse(path), None, "{path}");
        }
    }
}
