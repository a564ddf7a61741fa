//! Resource Manager's ids and regions, as they are compared and taken apart.

/// Whether two ids or names are the same to Resource Manager, which does not look at case.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// The last part of a resource id: the resource's name.
pub(crate) fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// A region as it is compared: `West Central US` and `westcentralus` are one.
pub(crate) fn normalized_region(location: &str) -> String {
    location.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}
