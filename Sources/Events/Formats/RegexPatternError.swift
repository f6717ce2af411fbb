/// A regular expression that tells no fields: what is wrong with it, and where.
package struct RegexPatternError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        case noNamedGroup
        case doubledGroup(String)
        case badName(String)
        /// A reference to a group that does not stand before it.
        case unknownGroup(String)
        /// Python's `(?P=name)`, Perl's `(?'name'…)`.
        case foreignGroup
        case unclosedGroup
        case unopenedGroup
        case unclosedSet
        case notRegular
    }

    package let reason: Reason
    /// Counted in characters from 1; nil where it is the whole pattern.
    package let position: Int?

    package var description: String {
        let place = position.map { "character \($0): " } ?? ""
        return place + explanation
    }

    private var explanation: String {
        switch reason {
        case .noNamedGroup: "the pattern names no group, so it tells no field; a group is named (?<name>…)"
        case .doubledGroup(let name): "a second group is called \"\(name)\""
        case .badName(let name):
            "\"\(name)\" cannot be the name of a group, which is letters, digits and underscores, first no digit"
        case .unknownGroup(let name): "no group before this is called \"\(name)\""
        case .foreignGroup: "a group is named (?<name>…), and referred to by \\k<name>"
        case .unclosedGroup: "this parenthesis is never closed"
        case .unopenedGroup: "this parenthesis closes nothing; the character itself is written \\)"
        case .unclosedSet: "this bracket is never closed; the character itself is written \\["
        case .notRegular: "the pattern is no regular expression as ICU writes them"
        }
    }
}
