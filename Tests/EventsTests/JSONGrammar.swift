/// RFC 8259 once more, written from its grammar alone: slow, by recursion, one rule a function. Bytes above 0x7F
/// are characters of a string.
struct JSONGrammar {
    private let text: [UInt8]
    private var place = 0

    static func allows(_ text: [UInt8]) -> Bool {
        var grammar = JSONGrammar(text)
        return grammar.value() && grammar.place == text.count
    }

    private init(_ text: [UInt8]) { self.text = text }

    /// Section 2: `JSON-text = ws value ws`, and white space around the six structural characters.
    private mutating func value() -> Bool {
        space()
        let isValue =
            object() || array() || number() || string() || ["true", "false", "null"].contains { take($0) }
        space()
        return isValue
    }

    private mutating func space() {
        while place < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[place]) { place += 1 }
    }

    /// Section 4.
    private mutating func object() -> Bool {
        list("{", "}") { grammar in
            grammar.space()
            guard grammar.string() else { return false }
            grammar.space()
            return grammar.take(":") && grammar.value()
        }
    }

    /// Section 5.
    private mutating func array() -> Bool { list("[", "]") { $0.value() } }

    private mutating func list(
        _ opening: String, _ closing: String, of item: (inout JSONGrammar) -> Bool
    ) -> Bool {
        attempt { grammar in
            guard grammar.take(opening) else { return false }
            grammar.space()
            if grammar.take(closing) { return true }
            repeat {
                guard item(&grammar) else { return false }
            } while grammar.take(",")
            return grammar.take(closing)
        }
    }

    /// Section 6: `number = [ minus ] int [ frac ] [ exp ]`.
    private mutating func number() -> Bool {
        attempt { grammar in
            _ = grammar.take("-")
            guard grammar.take("0") || grammar.digits() else { return false }
            _ = grammar.attempt { $0.take(".") && $0.digits() }
            _ = grammar.attempt { exponent in
                guard exponent.take("e") || exponent.take("E") else { return false }
                _ = exponent.take("+") || exponent.take("-")
                return exponent.digits()
            }
            return true
        }
    }

    private mutating func digits() -> Bool {
        let start = place
        while place < text.count, (0x30...0x39).contains(text[place]) { place += 1 }
        return place > start
    }

    /// Section 7: `unescaped = %x20-21 / %x23-5B / %x5D-10FFFF`.
    private mutating func string() -> Bool {
        attempt { grammar in
            guard grammar.take("\"") else { return false }
            while !grammar.take("\"") {
                guard grammar.place < grammar.text.count else { return false }
                if grammar.take("\\") {
                    guard grammar.escaped() else { return false }
                } else {
                    guard grammar.text[grammar.place] >= 0x20 else { return false }
                    grammar.place += 1
                }
            }
            return true
        }
    }

    private mutating func escaped() -> Bool {
        if #""\/bfnrt"#.contains(where: { take(String($0)) }) { return true }
        guard take("u") else { return false }
        return (0..<4).allSatisfy { _ in "0123456789abcdefABCDEF".contains { take(String($0)) } }
    }

    private mutating func take(_ literal: String) -> Bool {
        guard text[place...].starts(with: literal.utf8) else { return false }
        place += literal.utf8.count
        return true
    }

    /// Where the rule does not match, nothing was read.
    private mutating func attempt(_ rule: (inout JSONGrammar) -> Bool) -> Bool {
        let start = place
        if rule(&self) { return true }
        place = start
        return false
    }
}
