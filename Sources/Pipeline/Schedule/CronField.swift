/// One field of a cron expression: the numbers that it allows.
struct CronField: Equatable {
    /// Bit n: whether n is allowed.
    private(set) var allowed: UInt64 = 0
    /// Whether it begins with a star: such a field restricts nothing, or every nth.
    let isStar: Bool

    /// What the field counts.
    enum Kind: String, CaseIterable {
        case minute
        case hour
        case dayOfMonth = "day of the month"
        case month
        case dayOfWeek = "day of the week"

        /// Of days of the week 7 is Sunday as 0 is.
        var range: ClosedRange<Int> {
            switch self {
            case .minute: 0...59
            case .hour: 0...23
            case .dayOfMonth: 1...31
            case .month: 1...12
            case .dayOfWeek: 0...7
            }
        }

        /// Its last number, each counted once.
        var last: Int { self == .dayOfWeek ? 6 : range.upperBound }

        /// The names of its numbers, from the first on.
        var names: [String] {
            switch self {
            case .month:
                ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
            case .dayOfWeek: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
            default: []
            }
        }
    }

    func contains(_ number: Int) -> Bool { allowed >> UInt64(number) & 1 == 1 }

    /// Reads a list of `*`, `5`, `1-5`, and of these with a step, `*/15`; a number with a step goes on to the end.
    init(_ text: Substring, _ kind: Kind) throws(CronError) {
        isStar = text.hasPrefix("*")
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let (range, isSingle) = try CronField.range(halves[0], part, kind)
            var step = 1
            if halves.count == 2 {
                guard let given = CronField.number(halves[1]), given > 0 else {
                    throw CronError("the step of \"\(part)\" is no number above 0")
                }
                step = given
            }
            let end = isSingle && halves.count == 2 ? kind.last : range.upperBound
            for number in stride(from: range.lowerBound, through: end, by: step) {
                allowed |= 1 << UInt64(kind == .dayOfWeek ? number % 7 : number)
            }
        }
    }

    private static func range(
        _ text: Substring, _ part: Substring, _ kind: Kind
    ) throws(CronError) -> (range: ClosedRange<Int>, isSingle: Bool) {
        if text == "*" { return (kind.range.lowerBound...kind.last, false) }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let first = try value(ends[0], part, kind)
        guard ends.count == 2 else {
            let single = kind == .dayOfWeek ? first % 7 : first
            return (single...single, true)
        }
        var last = try value(ends[1], part, kind)
        if kind == .dayOfWeek, last == 0, first > 0 { last = 7 }
        guard first <= last else {
            throw CronError(
                "\"\(text)\" ends before it begins; write it as two, as in \"\(split(first, last, kind))\"")
        }
        return (first...last, false)
    }

    private static func split(_ first: Int, _ last: Int, _ kind: Kind) -> String {
        let (least, most) = (kind.range.lowerBound, kind.last)
        func range(_ from: Int, _ to: Int) -> String { from == to ? "\(from)" : "\(from)-\(to)" }
        return "\(range(least, last)),\(range(first, most))"
    }

    private static func value(_ text: Substring, _ part: Substring, _ kind: Kind) throws(CronError) -> Int {
        if let index = kind.names.firstIndex(of: text.lowercased()) { return kind.range.lowerBound + index }
        guard let number = number(text) else {
            let names = kind.names.isEmpty ? "" : ", or \(kind.names[0]) to \(kind.names.last!)"
            throw CronError("\"\(part)\" is no \(kind.rawValue); that is a number\(names)")
        }
        guard kind.range.contains(number) else {
            throw CronError(
                "\(number) is no \(kind.rawValue), which is from \(kind.range.lowerBound) to \(kind.range.upperBound)"
            )
        }
        return number
    }

    private static func number(_ text: Substring) -> Int? {
        text.allSatisfy { $0.isASCII && $0.isNumber } && text.count <= 4 ? Int(text) : nil
    }
}

/// What is wrong with a cron expression, in words.
package struct CronError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
