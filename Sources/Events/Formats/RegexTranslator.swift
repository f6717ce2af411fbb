import Foundation

/// Translates lines by a regular expression in ICU's syntax: each named group is a member, its text a string.
///
/// - As in Vector, Fluent Bit and grok, the expression may match anywhere in the line; `^` and `$` tie it to the
///   line's ends. The first match counts.
/// - A group that took no part, or matched nothing, is absent, like an empty cell of CSV.
/// - `(?P<name>…)` is `(?<name>…)`, and a name may hold underscores.
package struct RegexTranslator: RecordTranslator {
    package let pattern: String
    /// In their order in the pattern.
    package let groupNames: [String]

    private let expression: NSRegularExpression
    private let maxSeconds: Double
    /// `"name":`, and the number of the group.
    private let members: [(name: [UInt8], group: Int)]
    /// For each UTF-16 unit of a line that is not ASCII, and for its end, the place in the chunk.
    private var places: [Int] = []

    /// - Parameter maxSeconds: what the match of one line may take. A pattern with nested repetitions, `(a+)+$`, can
    ///   take hours.
    package init(_ pattern: String, maxSeconds: Double = 1) throws(RegexPatternError) {
        let groups = try NamedGroups(pattern)
        guard !groups.names.isEmpty else { throw RegexPatternError(reason: .noNamedGroup, position: nil) }
        // A line holds no line feed, and a dot is to match all that it does hold.
        guard
            let expression = try? NSRegularExpression(
                pattern: groups.pattern, options: .useUnixLineSeparators),
            expression.numberOfCaptureGroups == groups.captureCount
        else { throw RegexPatternError(reason: .notRegular, position: nil) }
        self.pattern = pattern
        self.expression = expression
        self.maxSeconds = maxSeconds
        groupNames = groups.names.map(\.name)
        members = groups.names.map { (Array("\"\($0.name)\":".utf8), $0.number) }
    }

    package mutating func translate(
        _ chunk: UnsafeBufferPointer<UInt8>, into records: inout TranslatedRecords
    ) {
        let mark = records.json.count
        let line = String(decoding: chunk, as: UTF8.self)
        let length = line.utf16.count
        let search = RegexSearch(maxSeconds: maxSeconds)
        expression.enumerateMatches(
            in: line, options: [.reportProgress, .reportCompletion],
            range: NSRange(location: 0, length: length), using: search.note)
        guard let match = search.match else {
            let reason =
                switch search.failure {
                case .tookTooLong: "the pattern takes more than \(shown(maxSeconds)) s on this line"
                case .tookTooMuch: "the pattern takes too much memory on this line"
                case nil: "the line does not match the pattern"
                }
            records.reject(0..<chunk.count, from: mark, .malformedLine, reason)
            return
        }
        let isASCII = length == chunk.count
        if !isASCII { readPlaces(chunk) }
        records.json.append(UInt8(ascii: "{"))
        for (name, group) in members {
            let range = match.range(at: group)
            guard range.location != NSNotFound, range.length > 0 else { continue }
            let start = isASCII ? range.location : places[range.location]
            let end = isASCII ? range.location + range.length : places[range.location + range.length]
            if records.json.count > mark + 1 { records.json.append(UInt8(ascii: ",")) }
            name.withUnsafeBufferPointer { records.json.append($0.baseAddress!, $0.count) }
            records.json.append(UInt8(ascii: "\""))
            LoggedText.append(chunk.baseAddress!, from: start, to: end, into: &records.json)
            records.json.append(UInt8(ascii: "\""))
        }
        records.json.append(UInt8(ascii: "}"))
        records.add(0..<chunk.count, from: mark)
    }

    private func shown(_ seconds: Double) -> String {
        seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
    }

    private mutating func readPlaces(_ line: UnsafeBufferPointer<UInt8>) {
        places.removeAll(keepingCapacity: true)
        for (place, byte) in line.enumerated() where byte & 0xC0 != 0x80 {
            places.append(place)
            // A character of four bytes is two units.
            if byte >= 0xF0 { places.append(place) }
        }
        places.append(line.count)
    }
}
