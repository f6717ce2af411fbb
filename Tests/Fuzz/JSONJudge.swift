import Events
import Foundation

/// Foundation's reading of each line of NDJSON, where Foundation keeps to RFC 8259.
enum JSONJudge {
    static func check(_ whole: Parse, of object: ArraySlice<UInt8>, _ source: FuzzSource) throws(Violation) {
        let refused = Dictionary(grouping: whole.rejects, by: \.position)
        let events = Dictionary(grouping: whole.events, by: \.position)
        var position = 0
        for line in object.split(separator: 0x0A, omittingEmptySubsequences: false) {
            defer { position += line.count + 1 }
            let content = position == 0 && line.starts(with: byteOrderMark) ? line.dropFirst(3) : line
            guard !content.isEmpty, content.count < 20_000, !isGuessedAsUTF16(content) else { continue }
            let code = refused[Int64(position)]?.first?.code
            let judged = try? JSONSerialization.jsonObject(with: Data(content), options: .fragmentsAllowed)
            switch code {
            case .malformedJSON, .invalidUTF8:
                guard judged == nil || hasTrailingComma(content) else {
                    throw Violation("the line at \(position) is JSON to Foundation, to us \(code!)")
                }
            case .notAnObject:
                if judged is [String: Any] {
                    throw Violation("the line at \(position) is an object to Foundation")
                }
            // Half a surrogate pair is grammar to us, and none to Foundation.
            case .nulCharacter, .loneSurrogate, .numberOutOfRange, .nestedTooDeep: break
            default:
                if let fields = judged as? [String: Any] {
                    for event in events[Int64(position)] ?? [] { try compare(event, fields, source) }
                } else if events[Int64(position)] != nil, judged != nil || !isBeyondFoundation(content) {
                    throw Violation("the line at \(position) is an event, but no object to Foundation")
                }
            }
        }
    }

    /// The texts and the left-over details of an event of the mapping that maps single fields.
    private static func compare(
        _ event: Parse.Record, _ fields: [String: Any], _ source: FuzzSource
    ) throws(Violation) {
        guard !source.mapping.isList, source.mapping.events[0].eventID.isPosition else { return }
        let (type, userID, details) = (event.columns[5], event.columns[7], event.columns[9])
        for (name, text) in [("kind", type), ("user", userID)] {
            let isAbsent = fields[name].map { $0 is NSNull } ?? true
            guard isAbsent == (text == nil) else {
                throw Violation("\(name) is \(isAbsent ? "absent" : "there") to Foundation")
            }
            if let judged = fields[name] as? String, Array(judged.utf8) != text {
                throw Violation("\(name) is \(judged) to Foundation, and \(text ?? []) to us")
            }
        }
        // Beyond 64 runs of left-over members, mapped members may stand among the details.
        guard fields.count <= 64 else { return }
        let rest = fields.filter { !["time", "kind", "user", "n"].contains($0.key) }
        let ours = try? JSONSerialization.jsonObject(with: Data(details ?? []))
        guard let ours = ours as? [String: Any], written(ours) == written(rest) else {
            throw Violation(
                "the details are \(String(decoding: details ?? [], as: UTF8.self)), but \(rest) is left over")
        }
    }

    /// Foundation's own equality takes true in one dictionary for another thing than true in another.
    private static func written(_ fields: [String: Any]) -> Data? {
        try? JSONSerialization.data(withJSONObject: fields, options: .sortedKeys)
    }

    // MARK: - Where Foundation leaves the RFC

    /// Foundation takes a text for UTF-16 or UTF-32 by its zero bytes or its mark.
    private static func isGuessedAsUTF16(_ content: ArraySlice<UInt8>) -> Bool {
        content.contains(0) || content.first! >= 0x80
    }

    private static func hasTrailingComma(_ content: ArraySlice<UInt8>) -> Bool {
        String(decoding: content, as: UTF8.self).contains(/,[ \t\r]*[\]}]/)
    }

    /// Numbers beyond a Double, and more than 512 levels.
    private static func isBeyondFoundation(_ content: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: content, as: UTF8.self)
        return content.count { $0 == 0x5B || $0 == 0x7B } > 500
            || text.contains(/[0-9][eE][+-]?[0-9]{3}/) || text.contains(/[0-9]{300}/)
    }
}

extension EventMapping.EventID {
    fileprivate var isPosition: Bool { if case .derived(.position) = self { true } else { false } }
}
