//! What of HTML a browser would make elements and attributes from: enough for pages that maud writes.

/// An opening or closing tag with the names of its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
}

/// The tags of a page, and the text between them.
///
/// Fails on whatever maud does not write: comments, attributes without quotation marks, a `<` in a text.
pub(super) fn read(html: &str) -> (Vec<Tag>, String) {
    let (mut tags, mut words) = (Vec::new(), String::new());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        words.push_str(&rest[..start]);
        words.push(' ');
        rest = &rest[start + 1..];
        let (tag, behind) = tag(rest);
        tags.push(tag);
        rest = behind;
    }
    words.push_str(rest);
    (tags, words)
}

fn tag(html: &str) -> (Tag, &str) {
    let end = html.find([' ', '>']).expect("a tag ends");
    let name = &html[..end];
    let plain = name.trim_start_matches(['/', '!']);
    assert!(
        !plain.is_empty() && plain.chars().all(|c| c.is_ascii_alphanumeric()),
        "no tag: <{name}"
    );
    let mut tag = Tag {
        name: name.to_lowercase(),
        attributes: Vec::new(),
    };
    let mut rest = &html[end..];
    loop {
        rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix('>') {
            return (tag, behind);
        }
        let end = rest.find(['=', ' ', '>']).expect("an attribute ends");
        let name = rest[..end].to_owned();
        assert!(
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_uppercase()),
            "no attribute: {name}"
        );
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(behind) = rest.strip_prefix("=\"") {
            let end = behind.find('"').expect("a value ends");
            value = behind[..end].to_owned();
            rest = &behind[end + 1..];
        }
        tag.attributes.push((name, value));
    }
}

/// The page with a line for each block, for snapshots.
pub(super) fn lines(html: &str) -> String {
    // A release changes no page.
    let version = concat!("kubectl complaints ", env!("CARGO_PKG_VERSION"));
    let mut out = html.replace(version, "kubectl complaints VERSION");
    for block in [
        "<head", "<body", "<header", "<nav", "<main", "<footer", "<div", "<section", "<h1", "<h2", "<h3", "<p", "<ul",
        "<ol", "<li", "<dl", "<table", "<caption", "<thead", "<tbody", "<tr", "<td", "<th", "<form", "<label",
        "<option", "<button", "<svg", "<dt", "<link", "<script",
    ] {
        for end in [" ", ">"] {
            let start = format!("{block}{end}");
            out = out.replace(&start, &format!("\n{start}"));
        }
    }
    out
}

/// Every `href`, `src` and `action` of a page.
pub(super) fn addresses(tags: &[Tag]) -> impl Iterator<Item = &str> {
    let attributes = tags.iter().flat_map(|tag| &tag.attributes);
    attributes
        .filter(|(name, _)| matches!(name.as_str(), "href" | "src" | "action"))
        .map(|(_, value)| value.as_str())
}
