/// A piece of SQL and the line it stands on. Comments are left out; what stands in parentheses is one piece, and so is a
/// text that the server will run: the body of a function, the template of a `format`, what `EXECUTE` is given.
struct SQLPiece {
    indirect enum Kind {
        /// A keyword or a bare name, in lower case, which is how the server takes it.
        case word(String)
        /// A name in double quotes.
        case quoted(String)
        case sign(Character)
        /// A number, a string, a parameter.
        case value
        /// What a template leaves open: `%s`, `%1$I`.
        case hole
        case group([SQLPiece])
        case text([SQLPiece])
    }

    let kind: Kind
    let line: Int

    var word: String? {
        if case .word(let word) = kind { word } else { nil }
    }

    /// A word or a quoted name; of a hole `%`.
    var name: String? {
        switch kind {
        case .word(let name), .quoted(let name): name
        case .hole: "%"
        default: nil
        }
    }

    var group: [SQLPiece]? {
        if case .group(let pieces) = kind { pieces } else { nil }
    }

    func isSign(_ sign: Character) -> Bool {
        if case .sign(sign) = kind { true } else { false }
    }
}

extension Collection where Element == SQLPiece, Index == Int {
    /// Nil beyond their ends.
    func piece(at index: Int) -> SQLPiece? { indices.contains(index) ? self[index] : nil }
    func word(at index: Int) -> String? { piece(at: index)?.word }
    func find(_ word: String) -> Int? { firstIndex { $0.word == word } }
    func contains(_ word: String) -> Bool { find(word) != nil }

    /// Whether a word stands here or in any parentheses.
    func mentions(_ word: String) -> Bool { flattened.contains(word) }

    /// The pieces with those in parentheses, which become signs of their own.
    var flattened: [SQLPiece] {
        flatMap { piece in
            guard let group = piece.group else { return [piece] }
            let ends = "()".map { SQLPiece(kind: .sign($0), line: piece.line) }
            return [ends[0]] + group.flattened + [ends[1]]
        }
    }

    var isQuery: Bool {
        guard let first else { return false }
        return first.group?.isQuery
            ?? ["delete", "insert", "select", "table", "update", "values", "with"].contains(first.word)
    }

    /// The name that stands here, with its schema, and what follows it.
    func relation(at index: Int) -> (name: String, end: Int) {
        guard var name = piece(at: index)?.name else { return ("", index) }
        var end = index + 1
        while piece(at: end)?.isSign(".") ?? false, let next = piece(at: end + 1)?.name {
            name += ".\(next)"
            end += 2
        }
        return (name, end)
    }
}
