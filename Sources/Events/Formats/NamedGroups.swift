/// The groups of a regular expression by their names, and the same expression without the names.
///
/// ICU allows no underscore in the name of a group, and other tools write `(?P<name>…)`. So the names are taken out, and
/// groups are known by their numbers: `(?<name>…)` becomes `(…)`, and `\k<name>` the number's reference.
struct NamedGroups {
    private(set) var names: [(name: String, number: Int)] = []
    private(set) var captureCount = 0
    /// The expression without names.
    private(set) var pattern = ""

    private let characters: [Unicode.Scalar]
    private var place = 0
    /// For each open parenthesis its place, and whether white space and comments counted before it.
    private var open: [(place: Int, isSpaced: Bool)] = []
    /// Whether the flag `x` is set: white space means nothing, and `#` begins a comment.
    private var isSpaced = false

    init(_ pattern: String) throws(RegexPatternError) {
        characters = Array(pattern.unicodeScalars)
        while place < characters.count { try readElement() }
        if let last = open.last { throw error(.unclosedGroup, at: last.place) }
    }

    private func error(_ reason: RegexPatternError.Reason, at place: Int) -> RegexPatternError {
        RegexPatternError(reason: reason, position: place + 1)
    }

    private func isNext(_ text: String, at start: Int? = nil) -> Bool {
        characters[(start ?? place)...].starts(with: text.unicodeScalars)
    }

    private mutating func copy(_ count: Int) {
        for character in characters[place..<min(place + count, characters.count)] {
            pattern.unicodeScalars.append(character)
        }
        place = min(place + count, characters.count)
    }

    /// Copies up to `end` and with it, or all where it is missing.
    private mutating func copy(through end: String) {
        while place < characters.count, !isNext(end) { copy(1) }
        copy(end.unicodeScalars.count)
    }

    private mutating func readElement() throws(RegexPatternError) {
        switch characters[place] {
        case "\\": try readEscape()
        case "[": try copySet()
        case "(": try readGroup()
        case ")":
            guard let group = open.popLast() else { throw error(.unopenedGroup, at: place) }
            isSpaced = group.isSpaced
            copy(1)
        case "#" where isSpaced: copy(through: "\n")
        default: copy(1)
        }
    }

    private mutating func readEscape() throws(RegexPatternError) {
        if isNext("\\Q") { return copy(through: "\\E") }
        guard isNext("\\k<") else { return copy(2) }
        let start = place
        let name = try readName(behind: 3)
        guard let group = names.first(where: { $0.name == name }) else {
            throw error(.unknownGroup(name), at: start)
        }
        // Parentheses, for a digit may follow.
        pattern += "(?:\\\(group.number))"
    }

    /// Sets may hold sets; a bracket that closes is itself at the start.
    private mutating func copySet() throws(RegexPatternError) {
        let start = place
        var depth = 0
        while place < characters.count {
            switch characters[place] {
            case "\\": copy(2)
            case "[":
                depth += 1
                copy(isNext("[^") ? 2 : 1)
                if isNext("]") { copy(1) }
            case "]":
                depth -= 1
                copy(1)
                if depth == 0 { return }
            default: copy(1)
            }
        }
        throw error(.unclosedSet, at: start)
    }

    private mutating func readGroup() throws(RegexPatternError) {
        let start = place
        if isNext("(?#") { return copy(through: ")") }
        open.append((start, isSpaced))
        let isPlain = isNext("(?<") && !isNext("(?<=") && !isNext("(?<!")
        if isPlain || isNext("(?P<") {
            captureCount += 1
            let name = try readName(behind: isPlain ? 3 : 4)
            guard !names.contains(where: { $0.name == name }) else {
                throw error(.doubledGroup(name), at: start)
            }
            names.append((name, captureCount))
            pattern += "("
        } else if isNext("(?P") || isNext("(?'") {
            throw error(.foreignGroup, at: start)
        } else if isNext("(?") {
            readFlags()
        } else {
            captureCount += 1
            copy(1)
        }
    }

    /// The name between here and `>`, which is passed.
    private mutating func readName(behind prefix: Int) throws(RegexPatternError) -> String {
        let start = place
        place += prefix
        var name = ""
        while place < characters.count, characters[place] != ">" {
            name.unicodeScalars.append(characters[place])
            place += 1
        }
        let isName =
            name.utf8.allSatisfy { isDigit($0) || $0 == UInt8(ascii: "_") || isLetter($0) }
            && name.utf8.first.map { !isDigit($0) } == true
        guard place < characters.count, isName else { throw error(.badName(name), at: start) }
        place += 1
        return name
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
    }

    /// Flags hold to the end of their own group, or of the one around them: `(?x: … )` and `(?x) …`.
    private mutating func readFlags() {
        copy(2)
        var isOn = true
        while place < characters.count, characters[place] == "-" || characters[place].properties.isAlphabetic
        {
            if characters[place] == "-" { isOn = false }
            if characters[place] == "x" { isSpaced = isOn }
            copy(1)
        }
        if isNext(")") {
            open.removeLast()
            copy(1)
        }
    }
}
