//! Blanks comments and literals of Rust source, so that a rule reads code and nothing else.

/// The source with blanks for comments, texts and characters; every line keeps its number.
pub(super) fn mask(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut masked = Vec::with_capacity(bytes.len());
    while let Some(rest) = bytes.get(masked.len()..).filter(|rest| !rest.is_empty()) {
        let blanks = if follows_a_word(&masked) { length_after_word(rest) } else { length(rest) };
        match (blanks, rest.first()) {
            (0, Some(byte)) => masked.push(*byte),
            _ => masked.extend(
                rest.iter().take(blanks).map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }),
            ),
        }
    }
    String::from_utf8_lossy(&masked).into_owned()
}

/// Whether an `r` or a `b` here would be part of a name rather than the start of a literal.
fn follows_a_word(masked: &[u8]) -> bool {
    masked.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn length_after_word(rest: &[u8]) -> usize {
    if rest.first().is_some_and(u8::is_ascii_alphabetic) { 0 } else { length(rest) }
}

/// Bytes of the comment or literal that starts here; zero for code.
fn length(rest: &[u8]) -> usize {
    match rest {
        [b'/', b'/', ..] => until(rest, b"\n"),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => quoted(rest, b'"'),
        [b'b' | b'c', b'"', tail @ ..] => 2 + quoted_tail(tail, b'"'),
        [b'r', b'"' | b'#', ..] => raw(rest, 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] => raw(rest, 2),
        [b'\'', b'\\', ..] => quoted(rest, b'\''),
        [b'\'', tail @ ..] => character(tail),
        _ => 0,
    }
}

fn until(rest: &[u8], end: &[u8]) -> usize {
    rest.windows(end.len()).position(|window| window == end).unwrap_or(rest.len())
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(pair) = rest.get(at..at + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    1 + quoted_tail(rest.get(1..).unwrap_or_default(), quote)
}

fn quoted_tail(tail: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while let Some(byte) = tail.get(at) {
        at += if *byte == b'\\' { 2 } else { 1 };
        if *byte == quote {
            break;
        }
    }
    at.min(tail.len())
}

/// `r#"..."#`, whose hashes start at `prefix`; zero for a raw name such as `r#use`.
fn raw(rest: &[u8], prefix: usize) -> usize {
    let hashes = rest.iter().skip(prefix).take_while(|byte| **byte == b'#').count();
    let start = prefix + hashes + 1;
    if rest.get(start - 1) != Some(&b'"') {
        return 0;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let tail = rest.get(start..).unwrap_or_default();
    (start + until(tail, &end) + end.len()).min(rest.len())
}

/// One character and its closing quote; zero for a lifetime.
fn character(tail: &[u8]) -> usize {
    let width = 1 + tail.iter().skip(1).take_while(|byte| **byte & 0xC0 == 0x80).count();
    if tail.get(width) == Some(&b'\'') { 2 + width } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_code_is_kept() {
        let check = |source: &str, code: &str| {
            let masked = mask(source);
            assert_eq!(masked.len(), source.len(), "{source}");
            assert_eq!(masked.lines().count(), source.lines().count(), "{source}");
            assert_eq!(masked.split_whitespace().collect::<Vec<_>>().join(" "), code, "{source}");
        };
        check("let x = 1; // not x", "let x = 1;");
        check("a /* b /* c */ d */ e", "a e");
        check("f(\"x // y\", 2)", "f( , 2)");
        check(r#"f("a \" b", c)"#, "f( , c)");
        check(r###"f(r#"a " b"#, c)"###, "f( , c)");
        check("f(b\"a\", br\"b\", c\"d\")", "f( , , )");
        check("r#use + number\"\"", "r#use + number");
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
        check("['a', '\\'', 'é', '\"', b'x']", "[ , , , , b ]");
        check("\"open", "");
        check("\"open \\", "");
        check("r#\"open", "");
        check("/* open", "");
        check("x\n\"a\nb\"\ny", "x y");
    }
}
