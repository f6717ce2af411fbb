/// Cuts SQL into pieces; asks nothing of it but that quotes and comments end.
struct SQLReader {
    private let text: [Character]
    private let isTemplate: Bool
    private var index = 0
    private var line: Int

    static func pieces(of text: String) -> [SQLPiece] {
        var reader = SQLReader(text: Array(text), isTemplate: false, line: 1)
        return reader.read()
    }

    private init(text: [Character], isTemplate: Bool, line: Int) {
        (self.text, self.isTemplate, self.line) = (text, isTemplate, line)
    }

    private func peek(_ offset: Int = 0) -> Character? {
        index + offset < text.count ? text[index + offset] : nil
    }

    /// - Parameter isFormat: whether these are the arguments of `format`.
    private mutating func read(isFormat: Bool = false) -> [SQLPiece] {
        var pieces: [SQLPiece] = []
        while let character = peek() {
            let start = line
            let kind: SQLPiece.Kind
            switch character {
            case _ where character.isWhitespace:
                next()
                continue
            case "-" where peek(1) == "-":
                while peek().map({ !$0.isNewline }) ?? false { next() }
                continue
            case "/" where peek(1) == "*":
                skipComment()
                continue
            case ")":
                next()
                return pieces
            case "(":
                next()
                kind = .group(read(isFormat: pieces.last?.word == "format"))
            case "'":
                let content = quoted("'", hasEscapes: pieces.last?.word == "e")
                let isTemplate = isFormat && pieces.isEmpty
                kind =
                    isTemplate || pieces.last?.word == "execute"
                    ? .text(inner(content, isTemplate, start)) : .value
            case "\"":
                kind = .quoted(String(quoted("\"")))
            case "$":
                if let content = dollarQuoted() {
                    kind = .text(inner(content, isFormat && pieces.isEmpty, start))
                } else {
                    next()
                    while peek()?.isNumber ?? false { next() }
                    kind = .value
                }
            case "%" where isTemplate:
                guard let hole = hole() else { continue }
                kind = hole
            case _ where character.isLetter || character == "_":
                var word = ""
                while let letter = peek(), letter.isLetter || letter.isNumber || letter == "_" {
                    word.append(letter)
                    next()
                }
                kind = .word(word.lowercased())
            case _ where character.isNumber:
                while peek().map({ $0.isLetter || $0.isNumber || $0 == "." }) ?? false { next() }
                kind = .value
            default:
                next()
                kind = .sign(character)
            }
            pieces.append(SQLPiece(kind: kind, line: start))
        }
        return pieces
    }

    private func inner(_ text: [Character], _ isTemplate: Bool, _ line: Int) -> [SQLPiece] {
        var reader = SQLReader(text: text, isTemplate: isTemplate, line: line)
        return reader.read()
    }

    private mutating func next() {
        if text[index].isNewline { line += 1 }
        index += 1
    }

    private mutating func skipComment() {
        var depth = 0
        repeat {
            let isStart = peek() == "/" && peek(1) == "*"
            let isEnd = peek() == "*" && peek(1) == "/"
            depth += isStart ? 1 : isEnd ? -1 : 0
            if isStart || isEnd { next() }
            next()
        } while depth > 0 && index < text.count
    }

    /// What stands between two quotes; a doubled one is one of the text.
    private mutating func quoted(_ quote: Character, hasEscapes: Bool = false) -> [Character] {
        var content: [Character] = []
        next()
        while let character = peek() {
            next()
            if hasEscapes, character == "\\", peek() != nil { next() }
            if character == quote {
                guard peek() == quote else { break }
                next()
            }
            content.append(character)
        }
        return content
    }

    /// What stands between `$tag$` and its like; nil where none begins here.
    private mutating func dollarQuoted() -> [Character]? {
        var end = index + 1
        while end < text.count, text[end].isLetter || text[end] == "_" { end += 1 }
        guard end < text.count, text[end] == "$" else { return nil }
        let tag = text[index...end]
        while index <= end { next() }
        let begin = index
        while index < text.count, !text[index...].starts(with: tag) { next() }
        let content = Array(text[begin..<index])
        index = min(index + tag.count, text.count)
        return content
    }

    /// Of a template, what follows a percent sign: a hole, a value (`%L`), or the sign itself, which is nothing.
    private mutating func hole() -> SQLPiece.Kind? {
        next()
        while peek().map({ $0.isNumber || $0 == "$" || $0 == "-" }) ?? false { next() }
        guard let kind = peek(), "sIL%".contains(kind) else { return nil }
        next()
        return kind == "%" ? nil : kind == "L" ? .value : .hole
    }
}
