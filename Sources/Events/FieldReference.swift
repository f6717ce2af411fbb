/// Where a value comes from in a record: the parsed form of a field in a pipeline's mapping.
package indirect enum FieldReference: Sendable, Equatable {
    case field(FieldPath)
    /// The first that is present.
    case firstPresent([FieldReference])
    /// Absent when one of its parts is.
    case template([TemplatePart])
    case constant(String)
    /// In a list that a format has built in, what is left in the details unless it was taken.
    case fallback(FieldReference)

    package enum TemplatePart: Sendable, Equatable {
        case text(String)
        case field(FieldPath)
    }

    package struct SyntaxError: Error, Equatable {
        package let message: String
    }

    /// Parses a dotted path, a JSON Pointer (RFC 6901), or a template with either inside braces.
    ///
    /// In a template `{{` and `}}` stand for the braces themselves.
    package init(parsing text: String) throws(SyntaxError) {
        guard text.contains("{") || text.contains("}") else {
            self = .field(try FieldPath(parsing: text))
            return
        }
        var parts: [TemplatePart] = []
        var literal = ""
        var rest = Substring(text)
        while let character = rest.popFirst() {
            switch character {
            case "{" where rest.first == "{", "}" where rest.first == "}":
                literal.append(character)
                rest.removeFirst()
            case "{":
                guard let closing = rest.firstIndex(of: "}") else {
                    throw SyntaxError(message: "the brace in \"\(text)\" is not closed")
                }
                guard !rest[..<closing].contains("{") else {
                    throw SyntaxError(message: "\"\(text)\" has a brace inside braces; is a \"}\" missing?")
                }
                if !literal.isEmpty { parts.append(.text(literal)) }
                literal = ""
                parts.append(.field(try FieldPath(parsing: String(rest[..<closing]))))
                rest = rest[rest.index(after: closing)...]
            case "}":
                throw SyntaxError(message: "\"\(text)\" has a closing brace without an opening one")
            default: literal.append(character)
            }
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
        self = .template(parts)
    }

    /// The reference with other names for its fields.
    func renamed(_ name: (FieldPath) -> FieldPath) -> FieldReference {
        switch self {
        case .field(let path): .field(name(path))
        case .firstPresent(let references): .firstPresent(references.map { $0.renamed(name) })
        case .template(let parts):
            .template(
                parts.map { part in
                    if case .field(let path) = part { .field(name(path)) } else { part }
                })
        case .constant: self
        case .fallback(let reference): .fallback(reference.renamed(name))
        }
    }

    /// Every path that the reference reads, in order.
    package var paths: [FieldPath] {
        switch self {
        case .field(let path): [path]
        case .firstPresent(let references): references.flatMap(\.paths)
        case .template(let parts):
            parts.compactMap { part in
                if case .field(let path) = part { path } else { nil }
            }
        case .constant: []
        case .fallback(let reference): reference.paths
        }
    }

    /// Of these, the ones that are left out of the details in any case.
    var firmPaths: [FieldPath] {
        switch self {
        case .fallback: []
        case .firstPresent(let references): references.flatMap(\.firmPaths)
        case .field, .template, .constant: paths
        }
    }
}

/// A way into a record: member names (or array indices) from the outside in.
package struct FieldPath: Sendable, Hashable {
    package let steps: [String]
    /// As the definition writes it; the name of a CSV column matches this.
    package let text: String

    package init(parsing text: String) throws(FieldReference.SyntaxError) {
        self.text = text
        guard text.hasPrefix("/") else {
            steps = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard !steps.contains("") else {
                throw FieldReference.SyntaxError(
                    message: text.isEmpty
                        ? "a field has no name"
                        : "\"\(text)\" has an empty step; a name that holds dots is written \"/\(text)\"")
            }
            return
        }
        steps = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { step in
            FieldPath.replace("~0", by: "~", in: FieldPath.replace("~1", by: "/", in: String(step)))
        }
    }

    /// A path of these names, whatever characters are in them.
    package init(steps: [String]) {
        self.steps = steps
        let isPlain = steps.allSatisfy { !$0.isEmpty && !$0.contains(".") && !$0.hasPrefix("/") }
        text =
            isPlain
            ? steps.joined(separator: ".")
            : steps.map { step in
                "/"
                    + step.split(separator: "~", omittingEmptySubsequences: false).joined(separator: "~0")
                    .split(separator: "/", omittingEmptySubsequences: false).joined(separator: "~1")
            }.joined()
    }

    /// The names that a CSV header may give this field: as written, and what a pointer of one step names.
    package var columnNames: [String] {
        text.hasPrefix("/") && steps.count == 1 ? [text, steps[0]] : [text]
    }

    /// The steps, divided at each dot in a name.
    package var parts: [String] {
        steps.flatMap { step in
            step.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
        }
    }

    private static func replace(_ escape: String, by character: String, in text: String) -> String {
        var result = ""
        var rest = Substring(text)
        while !rest.isEmpty {
            if rest.hasPrefix(escape) {
                result += character
                rest = rest.dropFirst(escape.count)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result
    }
}
