//! A Rust file as tokens with lines: strings and comments taken out, test code marked.

/// Stands for a text in which something is shown by `Debug`.
pub(crate) const DEBUG_TEXT: &str = "\"{:?}\"";

/// One word, punctuation mark or literal of the code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    /// The text; every string literal is `""` (or [`DEBUG_TEXT`]), every character and number `0`.
    pub(crate) text: &'a str,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Whether it is only compiled for tests.
    pub(crate) test: bool,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    /// Path from the root of the project, with `/`.
    pub(crate) path: &'a str,
    /// Its code.
    pub(crate) tokens: Vec<Token<'a>>,
    /// Its comments, with the line each begins in.
    pub(crate) comments: Vec<(usize, &'a str)>,
}

impl<'a> Source<'a> {
    /// Takes `text` apart; `test` says that the whole file is only compiled for tests.
    pub(crate) fn new(path: &'a str, text: &'a str, test: bool) -> Self {
        let mut lexer = Lexer { text, at: 0, line: 1 };
        let (mut tokens, mut comments) = (Vec::new(), Vec::new());
        while let Some((line, piece)) = lexer.next() {
            match piece {
                Piece::Comment(comment) => comments.push((line, comment)),
                Piece::Token(text) => tokens.push(Token { text, line, test }),
            }
        }
        mark_tests(&mut tokens);
        Self { path, tokens, comments }
    }

    /// Names of the modules that the file declares (`mod name;`) for tests only.
    pub(crate) fn test_modules(&self) -> Vec<&'a str> {
        self.tokens
            .windows(3)
            .filter(|three| three[0].test && three[0].text == "mod" && three[2].text == ";")
            .map(|three| three[1].text)
            .collect()
    }

    /// How many lines hold code that is not test code.
    pub(crate) fn lines_of_code(&self) -> usize {
        let mut lines: Vec<usize> =
            self.tokens.iter().filter(|token| !token.test).map(|token| token.line).collect();
        lines.dedup();
        lines.len()
    }

    /// Every function that is not test code: its name, first line, and how many lines it has.
    pub(crate) fn functions(&self) -> Vec<(&'a str, usize, usize)> {
        let mut functions = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            if token.text != "fn" || token.test {
                continue;
            }
            // `fn(` is the type of a pointer; a declaration ends with `;`.
            let Some(name) = self.tokens.get(index + 1).filter(|name| is_word(name.text)) else { continue };
            let end = item_end(&self.tokens, index);
            let Some(last) = self.tokens.get(end).filter(|last| last.text == "}") else { continue };
            functions.push((name.text, token.line, last.line - token.line + 1));
        }
        functions
    }

    /// How many inline modules (`mod name {`) are open at each token.
    pub(crate) fn module_depths(&self) -> Vec<usize> {
        let mut open: Vec<bool> = Vec::new();
        let mut depths = Vec::with_capacity(self.tokens.len());
        for (index, token) in self.tokens.iter().enumerate() {
            match token.text {
                "{" => open.push(index >= 2 && self.tokens[index - 2].text == "mod"),
                "}" => {
                    open.pop();
                }
                _ => {}
            }
            depths.push(open.iter().filter(|&&module| module).count());
        }
        depths
    }
}

/// Whether a token is a word and no mark or literal.
pub(crate) fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first == '_' || first.is_alphabetic())
}

/// Marks what stands behind `#[test]` or `#[cfg(test)]`.
fn mark_tests(tokens: &mut [Token<'_>]) {
    for index in 0..tokens.len() {
        let rest = &tokens[index..];
        let begins = |words: &[&str]| {
            rest.len() >= words.len() && words.iter().zip(rest).all(|(word, token)| *word == token.text)
        };
        if begins(&["#", "[", "test", "]"]) || begins(&["#", "[", "cfg", "(", "test", ")", "]"]) {
            let end = item_end(tokens, index).min(tokens.len() - 1);
            tokens[index..=end].iter_mut().for_each(|token| token.test = true);
        }
    }
}

/// The token that ends the item at `start`: its `;`, or the `}` of its first `{`.
fn item_end(tokens: &[Token<'_>], start: usize) -> usize {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return index;
                }
            }
            ";" if depth == 0 => return index,
            _ => {}
        }
    }
    tokens.len()
}

enum Piece<'a> {
    Comment(&'a str),
    Token(&'a str),
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lexer<'a> {
    /// The next token or comment, and the line it begins in.
    fn next(&mut self) -> Option<(usize, Piece<'a>)> {
        self.skip(|letter| letter.is_whitespace());
        let (start, line) = (self.at, self.line);
        let rest = &self.text[start..];
        let first = rest.chars().next()?;
        let piece = if rest.starts_with("//") {
            self.skip(|letter| letter != '\n');
            Piece::Comment(&self.text[start..self.at])
        } else if rest.starts_with("/*") {
            self.block_comment();
            Piece::Comment(&self.text[start..self.at])
        } else if first == '"' {
            self.string();
            let is_debug = self.text[start..self.at].contains(":?}");
            Piece::Token(if is_debug { DEBUG_TEXT } else { "\"\"" })
        } else if first == '\'' {
            self.character_or_lifetime()
        } else if first.is_ascii_digit() {
            self.skip(|letter| letter == '_' || letter.is_alphanumeric());
            Piece::Token("0")
        } else if is_word(rest) {
            self.skip(|letter| letter == '_' || letter.is_alphanumeric());
            self.word_or_literal(start)
        } else {
            let length = if rest.starts_with("::") { 2 } else { first.len_utf8() };
            self.advance(length);
            Piece::Token(&self.text[start..self.at])
        };
        Some((line, piece))
    }

    /// A word has been read; it may be the prefix of a literal (`r#"`, `b"`, `c"`, `b'`).
    fn word_or_literal(&mut self, start: usize) -> Piece<'a> {
        let word = &self.text[start..self.at];
        let rest = &self.text[self.at..];
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        match word {
            "r" | "br" | "cr" if rest[hashes..].starts_with('"') => {
                let end = format!("\"{}", "#".repeat(hashes));
                let body = &rest[hashes + 1..];
                let length = body.find(&end).map_or(body.len(), |at| at + end.len());
                self.advance(hashes + 1 + length);
                Piece::Token("\"\"")
            }
            "b" | "c" if rest.starts_with('"') => {
                self.string();
                Piece::Token("\"\"")
            }
            "b" if rest.starts_with('\'') => self.character_or_lifetime(),
            _ => Piece::Token(word),
        }
    }

    fn string(&mut self) {
        self.advance(1);
        while let Some(letter) = self.text[self.at..].chars().next() {
            self.advance(letter.len_utf8());
            match letter {
                '"' => return,
                '\\' => self.advance(self.text[self.at..].chars().next().map_or(0, char::len_utf8)),
                _ => {}
            }
        }
    }

    fn character_or_lifetime(&mut self) -> Piece<'a> {
        let start = self.at;
        let mut letters = self.text[start + 1..].chars();
        let (first, second) = (letters.next(), letters.next());
        if first == Some('\\') {
            self.advance(2);
            self.advance(self.text[self.at..].chars().next().map_or(0, char::len_utf8));
            self.skip(|letter| letter != '\'');
            self.advance(1);
            Piece::Token("0")
        } else if second == Some('\'') {
            self.advance(2 + first.map_or(0, char::len_utf8));
            Piece::Token("0")
        } else {
            self.advance(1);
            self.skip(|letter| letter == '_' || letter.is_alphanumeric());
            Piece::Token(&self.text[start..self.at])
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0usize;
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            if rest.starts_with("/*") {
                depth += 1;
                self.advance(2);
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.advance(2);
                if depth == 0 {
                    return;
                }
            } else {
                self.advance(rest.chars().next().map_or(1, char::len_utf8));
            }
        }
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        let rest = &self.text[self.at..];
        let length = rest.find(|letter| !wanted(letter)).unwrap_or(rest.len());
        self.advance(length);
    }

    fn advance(&mut self, length: usize) {
        let end = (self.at + length).min(self.text.len());
        self.line += self.text[self.at..end].matches('\n').count();
        self.at = end;
    }
}
