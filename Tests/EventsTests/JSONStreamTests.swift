import Events
import Foundation
import Testing

/// JSON that is not in lines: arrays, objects that follow each other, an array somewhere in a document.
@Suite struct JSONStreamTests {
    /// A text, and what is to be found in it.
    struct Stream: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        var path: String?
        /// The member `n` of each event, in order.
        let found: [Int]
        /// Code, line and bytes of each reject, in order.
        var rejects: [[String]] = []

        var testDescription: String { name }
        var bytes: [UInt8] { Array(text.utf8) }
    }

    private static func object(_ number: Int, _ more: String = "") -> String {
        #"{"time":"2026-01-05T00:00:00Z","kind":"a","n":\#(number)\#(more)}"#
    }

    private static func pretty(_ number: Int, indent: String = "") -> String {
        """
        {
        \(indent)  "time": "2026-01-05T00:00:00Z",
        \(indent)  "kind": "a",
        \(indent)  "in": {
        \(indent)    "of": [
        \(indent)      { "x": "} ] , {" }
        \(indent)    ]
        \(indent)  },
        \(indent)  "n": \(number)
        \(indent)}
        """
    }

    static let sound: [Stream] = [
        Stream(name: "nothing", text: "", found: []),
        Stream(name: "white space", text: " \n\t\r\n ", found: []),
        Stream(name: "an empty array", text: "[ ]\n", found: []),
        Stream(name: "empty arrays and a full one", text: "[]\n[\(object(1))][\n]", found: [1]),
        Stream(name: "an object", text: object(1), found: [1]),
        Stream(name: "lines", text: "\(object(1))\n\n\(object(2))\r\n\(object(3))", found: [1, 2, 3]),
        Stream(
            name: "objects one behind the other", text: object(1) + object(2) + object(3), found: [1, 2, 3]),
        Stream(
            name: "an array on a line", text: "[\(object(1)),\(object(2)) , \(object(3))]", found: [1, 2, 3]),
        Stream(
            name: "an array over lines",
            text: "[\n  \(object(1)),\n  \(object(2))\n  ,\n\n  \(object(3))\n]\n", found: [1, 2, 3]),
        Stream(
            name: "indented objects", text: "\(pretty(1))\n\(pretty(2))\n\n\(pretty(3))\n", found: [1, 2, 3]),
        Stream(
            name: "an indented array",
            text: "[\n  \(pretty(1, indent: "  ")),\n  \(pretty(2, indent: "  "))\n]\n", found: [1, 2]),
        Stream(
            name: "records of RFC 7464", text: "\u{1E}\(object(1))\n\u{1E}\(object(2))\n", found: [1, 2]),
        Stream(name: "a byte order mark", text: "\u{FEFF}[\(object(1)),\n\(object(2))]", found: [1, 2]),
        Stream(
            name: "lines and arrays", text: "\(object(1))\n[\(object(2)),\(object(3))]\n[]\n\(object(4))\n",
            found: [1, 2, 3, 4]),
        Stream(
            name: "an array in an object",
            text: #"{"n": [1], "items": [\#(object(1)), \#(object(2))], "next": "]}"}"#, path: "items",
            found: [1, 2]),
        Stream(
            name: "an array deep in an object",
            text: """
                { "items": [{"n": 9}],
                  "data": { "other": {"items": []}, "items": [
                    \(object(1)),
                    \(object(2)) ], "total": 2 },
                  "links": [{"self": "/?a=\\"]\\""}]
                }

                """, path: "data.items", found: [1, 2]),
        Stream(
            name: "an array in an array", text: "[[], {\"a.b\": [\(object(1)),\(object(2))]}, 7]",
            path: "/1/a.b", found: [1, 2]),
        Stream(name: "an empty array at a path", text: #"{"items": [], "n": 0}"#, path: "items", found: []),
        Stream(
            name: "documents one behind the other",
            text: """
                {"items":[\(object(1)),\(object(2))],"page":1}
                {"items":[],"page":2}
                {"page":3,"items":[\(object(3))]}

                """, path: "items", found: [1, 2, 3]),
    ]

    static let broken: [Stream] = [
        Stream(
            name: "scalars", text: "[1,\"a\",\(object(1)),null,[\(object(2))],\(object(3)),true]\n5\n",
            found: [1, 3],
            rejects: [
                ["not_an_object", "1", "1"], ["not_an_object", "1", "\"a\""], ["not_an_object", "1", "null"],
                ["not_an_object", "1", "[\(object(2))]"], ["not_an_object", "1", "true"],
                ["not_an_object", "2", "5"],
            ]),
        Stream(
            name: "a malformed element among others",
            text: "[\(object(1)),{\"n\":1x,\"of\":[{}]},\(object(2))]", found: [1, 2],
            rejects: [["malformed_json", "1", "{\"n\":1x,\"of\":[{}]}"]]),
        Stream(
            name: "a malformed element over lines",
            text:
                "[\n  \(object(1)),\n  {\n    \"n\" 2,\n    \"in\": [\n      {\"n\": 8}\n    ]\n  },\n  \(object(3))\n]",
            found: [1, 3],
            rejects: [
                ["malformed_json", "3", "{\n    \"n\" 2,\n    \"in\": [\n      {\"n\": 8}\n    ]\n  }"]
            ]),
        Stream(
            name: "a malformed line among lines", text: "\(object(1))\nnonsense\n\(object(2))\n",
            found: [1, 2],
            rejects: [["malformed_json", "2", "nonsense"]]),
        Stream(
            name: "a line cut in a string",
            text: "\(object(1))\n{\"n\":2,\"a\":\"b\n\(object(3))\n\(object(4))\n",
            found: [1, 3, 4], rejects: [["malformed_json", "2", "{\"n\":2,\"a\":\"b"]]),
        Stream(
            name: "a line cut behind a colon",
            text: "\(object(1))\n{\"n\":2,\"a\":\n\(object(3))\n\(object(4))\n",
            found: [1, 3, 4], rejects: [["malformed_json", "2", "{\"n\":2,\"a\":"]]),
        Stream(
            name: "a line cut behind a comma", text: "{\"n\":2,\n\(object(3))\n\(object(4))",
            found: [3, 4], rejects: [["malformed_json", "1", "{\"n\":2,"]]),
        Stream(
            name: "a line cut behind a value", text: "{\"n\":2\n\(object(3))\n", found: [3],
            rejects: [["malformed_json", "1", "{\"n\":2"]]),
        Stream(
            name: "a line cut in an array", text: "{\"n\":[\n\(object(3))\n\(object(4))\n", found: [3, 4],
            rejects: [["malformed_json", "1", "{\"n\":["]]),
        Stream(
            name: "an element cut by another writer",
            text: "[\n\(object(1)),\n{\"n\":2,\"a\":\n\(object(3)),\n\(object(4))\n]\n", found: [1, 3, 4],
            rejects: [["malformed_json", "3", "{\"n\":2,\"a\":"]]),
        Stream(
            name: "a quote that is missing on a line with others",
            text: "[\(object(1)),{\"n\":2,\"a\":\"b,\"c\":5},\(object(3)),\(object(4))]", found: [1, 3, 4],
            rejects: [["malformed_json", "1", "{\"n\":2,\"a\":\"b,\"c\":5}"]]),
        Stream(
            name: "a brace that is missing on a line with others",
            text: "[\(object(1)),{\"n\":2,\(object(3)),\(object(4))]", found: [1, 3, 4],
            rejects: [["malformed_json", "1", "{\"n\":2"]]),
        Stream(
            name: "a bracket that a brace closes",
            text: "[\(object(1)),{\"n\":[2},\(object(3)),\(object(4))]", found: [1, 3, 4],
            rejects: [["malformed_json", "1", "{\"n\":[2}"]]),
        Stream(
            name: "a mistake before objects in the same record",
            text: "[\(object(1)),{\"n\":x,\"of\":[{\"a\":1},{\"b\":2}]},\(object(3))]", found: [1, 3],
            rejects: [["malformed_json", "1", "{\"n\":x,\"of\":[{\"a\":1},{\"b\":2}]}"]]),
        Stream(
            name: "bytes that are no UTF-8 are told",
            text: "[\(object(1)),{\"n\":\"\u{FFFD}\\q\"},\(object(2))]",
            found: [1, 2], rejects: [["malformed_json", "1", "{\"n\":\"\u{FFFD}\\q\"}"]]),
        Stream(
            name: "records without a time", text: "[\(object(1)),{\"n\":2},\(object(3))]", found: [1, 3],
            rejects: [["missing_time", "1", "{\"n\":2}"]]),
        Stream(
            name: "an array without its end", text: "[\(object(1)),\n\(object(2))\n", found: [1, 2],
            rejects: [["malformed_json", "3", ""]]),
        Stream(
            name: "an array that ends behind a comma", text: "[\(object(1)),\n", found: [1],
            rejects: [["malformed_json", "2", ""]]),
        Stream(
            name: "an array that ends in an element", text: "[\(object(1)),\n{\"n\":", found: [1],
            rejects: [["malformed_json", "2", "{\"n\":"]]),
        Stream(
            name: "no array at the path", text: "{\"items\":{}}\n", path: "items", found: [],
            rejects: [["malformed_json", "1", "{\"items\":{}}"]]),
        Stream(
            name: "a document without the array among others",
            text: "{\"items\":[\(object(1))]}\n{\"error\":\"busy\"}\n{\"items\":[\(object(2))]}\n",
            path: "items",
            found: [1, 2], rejects: [["malformed_json", "2", "{\"error\":\"busy\"}"]]),
        Stream(
            name: "a malformed element at a path",
            text: "{\"items\":[\(object(1)),{\"n\":},\(object(2))],\"n\":2}", path: "items", found: [1, 2],
            rejects: [["malformed_json", "1", "{\"n\":}"]]),
        Stream(
            name: "scalars at a path", text: "{\"items\":[1,\"a\",\(object(1)),\"b\"],\"n\":2}",
            path: "items",
            found: [1],
            rejects: [
                ["not_an_object", "1", "1"], ["not_an_object", "1", "\"a\""],
                ["not_an_object", "1", "\"b\""],
            ]),
    ]

    // MARK: - Whole, by windows, and from any place

    @Test(
        "What stands in a text is found, and what is no record is rejected alone", arguments: sound + broken)
    func finds(stream: Stream) throws {
        let whole = Reading(stream.bytes, path: stream.path)
        #expect(try whole.numbers() == stream.found)
        #expect(whole.rejects.map { [$0.code.rawValue, "\($0.line)", $0.raw] } == stream.rejects)
        #expect(whole.end == stream.bytes.count)
        #expect(whole.endLine == Int64(stream.bytes.filter { $0 == 0x0A }.count + 1))
        for row in whole.rows { #expect(stream.bytes[Int(row.position)] == UInt8(ascii: "{")) }
        for reject in whole.rejects where !reject.raw.isEmpty {
            #expect(
                Array(stream.bytes[Int(reject.position)...].prefix(reject.raw.utf8.count))
                    == Array(reject.raw.utf8))
        }
    }

    @Test("Windows of every size give what the whole gives", arguments: sound + broken)
    func windows(stream: Stream) {
        let whole = Reading(stream.bytes, path: stream.path)
        for window in 1...max(1, stream.bytes.count) {
            let reading = Reading(stream.bytes, path: stream.path, window: window)
            if reading != whole { Issue.record("a window of \(window): \(reading)") }
        }
    }

    @Test("Behind any record another reader goes on", arguments: sound + broken)
    func resumes(stream: Stream) {
        let bytes = stream.bytes
        let whole = Reading(bytes, path: stream.path)
        var places: [(position: Int, line: Int64)] = []
        var batch = EventBatch(capacity: 1)
        let parser = Reading.parser(stream.path)
        var start = 0
        while start < bytes.count {
            batch.reset(at: Int64(start), line: places.last?.line ?? 1)
            parser.begin(&batch, objectIdentity: "obj")
            start += Reading.feed(bytes[start...], to: parser, then: .closed, &batch)
            places.append((start, batch.range.endLine))
        }
        for (position, line) in places {
            let rest = Reading(bytes, path: stream.path, from: position, line: line)
            #expect(rest.rows == whole.rows.filter { $0.position >= position })
            expectSame(rest.rejects, whole.rejects.filter { $0.position >= position }, "from \(position)")
            #expect(rest.endLine == whole.endLine)
        }
    }

    @Test("A text that grows is read once, wherever it ended before", arguments: sound + broken)
    func grows(stream: Stream) {
        let bytes = stream.bytes
        let whole = Reading(bytes, path: stream.path)
        for cut in 0...bytes.count {
            let first = Reading(Array(bytes[..<cut]), path: stream.path, then: .open)
            let rest = Reading(bytes, path: stream.path, from: Int(first.end), line: first.endLine)
            #expect(first.rows + rest.rows == whole.rows, "cut at \(cut)")
            expectSame(first.rejects + rest.rejects, whole.rejects, "cut at \(cut)")
        }
    }

    /// Expects the same rejects. That an array has no end, and that a document has no array, is known only to who saw it
    /// begin.
    private func expectSame(
        _ found: [ParsedRecords.Refused], _ expected: [ParsedRecords.Refused], _ comment: Comment
    ) {
        func shown(_ rejects: [ParsedRecords.Refused]) -> [String] {
            rejects.filter { !$0.raw.isEmpty }.map { "\($0.line) \($0.position) \($0.raw)" }
        }
        #expect(shown(found) == shown(expected), comment)
    }

    // MARK: - Ends

    @Test func anArrayWithoutItsEndWaitsWhileItMayGrow() throws {
        let text = "[\(Self.object(1)),\(Self.object(2))"
        for ending in ["", ",", ",\n", "\n ", ",{\"n\"", ",{\"n\":1e"] {
            let open = Reading(Array((text + ending).utf8), then: .open)
            #expect(try open.numbers() == [1, 2] && open.rejects.isEmpty)
        }
        // Nothing of it is lost, so that one who reads it again by its place alone must find the same.
        #expect(Reading(Array(text.utf8)).rejects.isEmpty)
        #expect(Reading(Array((text + "\n").utf8)).rejects.map(\.code) == [.malformedJSON])
    }

    @Test func whatMayStillBecomeARecordWaits() throws {
        for text in ["{", "{\"n\": tru", "{\"n\":\"\\u00", "[", "[ ", "12", "{\"n\":\"\u{E9}"] {
            var bytes = Array(text.utf8)
            if text.hasSuffix("\u{E9}") { bytes.removeLast() }
            let open = Reading(bytes, then: .open)
            #expect(open.end == 0 && open.rejects.isEmpty && open.rows.isEmpty, "\(text)")
        }
    }

    /// A reader that gives up on a record must find the next one on the same line.
    @Test func bytesThatAreNoUTF8RejectTheirRecordAlone() throws {
        var bytes = Array("[\(Self.object(1)),{\"n\":\"?\"},\(Self.object(2))]".utf8)
        bytes[try #require(bytes.firstIndex(of: UInt8(ascii: "?")))] = 0xFF
        let reading = Reading(bytes)
        #expect(try reading.numbers() == [1, 2])
        #expect(reading.rejects.map(\.code) == [.invalidUTF8])
    }

    @Test func aMalformedRecordIsFarAwayFromItsEnd() throws {
        for size in [1_000, 60_000, 70_000, 200_000] {
            let filler = String(repeating: "x", count: size)
            let text = "[\(Self.object(1)),\n {\"n\":?,\"a\":[\"\(filler)\"]},\n \(Self.object(2))]"
            let whole = Reading(Array(text.utf8))
            #expect(try whole.numbers() == [1, 2], "\(size)")
            for window in [10_000, 65_536, 100_000] {
                #expect(Reading(Array(text.utf8), window: window) == whole, "\(size) by \(window)")
            }
        }
    }

    // MARK: - Properties

    @Test("What another reader finds is found", arguments: (1...40) as ClosedRange<UInt64>)
    func agreesWithJSONSerialization(seed: UInt64) throws {
        var dice = TextDice(seed: seed)
        for _ in 0..<10 {
            var writer = RandomJSON(dice: dice)
            let (text, path) = writer.document()
            dice = writer.dice
            let bytes = Array(text.utf8)
            let oracle = try Self.elements(of: bytes, at: path)
            let reading = Reading(bytes, path: path)
            #expect(reading.rejects.allSatisfy { $0.code == .notAnObject })
            let objects = oracle.compactMap { $0 as? [String: Any] }
            #expect(reading.rejects.count == oracle.count - objects.count, "\(text)")
            #expect(reading.rows.count == objects.count, "\(text)")
            for (row, object) in zip(reading.rows, objects) {
                let details = try JSONSerialization.jsonObject(with: Data((row.details ?? "").utf8))
                let kept = object.filter { $0.key != "time" && $0.key != "kind" }
                #expect(try Self.sorted(details) == Self.sorted(kept))
            }
            let window = dice.number(in: 1...64)
            #expect(Reading(bytes, path: path, window: window) == reading, "windows of \(window): \(text)")
        }
    }

    private static func sorted(_ value: Any) throws -> Data {
        try JSONSerialization.data(withJSONObject: value, options: .sortedKeys)
    }

    private static func elements(of bytes: [UInt8], at path: String?) throws -> [Any] {
        var value = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        for step in path?.split(separator: ".").map(String.init) ?? [] {
            value = try #require((value as? [String: Any])?[step] ?? Int(step).map { (value as! [Any])[$0] })
        }
        return path == nil && !(value is [Any]) ? [value] : try #require(value as? [Any])
    }

    @Test(
        "Broken anywhere, windows and whole agree, and nothing is lost between records",
        arguments: (1...20) as ClosedRange<UInt64>)
    func holdsWhatMustHoldOfMutations(seed: UInt64) {
        var dice = TextDice(seed: seed &+ 1_000)
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\n", " ", "x", "1", "{\"n\":", "}\n{", "],[", "é",
        ]
        .map { Array($0.utf8) }
        for _ in 0..<30 {
            let stream = dice.pick(Self.sound)
            var bytes = stream.bytes
            for _ in 0..<dice.number(in: 1...3) where !bytes.isEmpty {
                let place = dice.number(in: 0...bytes.count - 1)
                let end = min(bytes.count, place + dice.number(in: 1...9))
                switch dice.number(in: 0...2) {
                case 0: bytes.removeSubrange(place..<end)
                case 1: bytes.insert(contentsOf: dice.pick(pieces), at: place)
                default: bytes.replaceSubrange(place..<end, with: dice.pick(pieces))
                }
            }
            let whole = Reading(bytes, path: stream.path)
            #expect(whole.end == bytes.count)
            let window = dice.number(in: 1...80)
            let reading = Reading(bytes, path: stream.path, window: window)
            if reading != whole {
                Issue.record(
                    "a window of \(window) of \(String(decoding: bytes, as: UTF8.self)): \(reading), not \(whole)"
                )
            }
            // Records and rejects stand one behind the other.
            var end = 0
            for reject in whole.rejects {
                #expect(Int(reject.position) >= end && Int(reject.position) <= bytes.count)
                end = Int(reject.position) + (reject.code == .invalidUTF8 ? 0 : reject.raw.utf8.count)
            }
        }
    }
}

/// What a parser made of a text that comes by windows.
private struct Reading: Equatable {
    let rows: [ParsedRecords.Row]
    let rejects: [ParsedRecords.Refused]
    let end: Int64
    let endLine: Int64

    /// - Parameters:
    ///   - window: how many bytes are added where a record is unfinished.
    ///   - start: where another reader has ended.
    init(
        _ bytes: [UInt8], path: String? = nil, window: Int = .max, then continuation: Continuation = .closed,
        from start: Int = 0, line: Int64 = 1
    ) {
        let parser = Reading.parser(path)
        var batch = EventBatch()
        batch.reset(at: Int64(start), line: line)
        parser.begin(&batch, objectIdentity: "obj")
        var start = start
        var end = min(bytes.count, start + min(window, bytes.count))
        while start < bytes.count {
            let isLast = end == bytes.count
            let count = Reading.feed(
                bytes[start..<end], to: parser, then: isLast ? continuation : .more, &batch)
            start += count
            if count == 0, isLast { break }
            end = min(bytes.count, max(count == 0 ? end + window : end, start + min(window, bytes.count)))
        }
        let parsed = ParsedRecords(batch)
        (rows, rejects) = (parsed.rows, parsed.rejects)
        (self.end, endLine) = (parsed.end, parsed.endLine)
    }

    static func parser(_ path: String?) -> JSONStreamParser {
        do {
            return JSONStreamParser(.event(), path: try path.map { try FieldPath(parsing: $0) })
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// The bytes stand alone in memory of their exact size, so that a tool that watches memory sees a read behind them.
    static func feed(
        _ bytes: ArraySlice<UInt8>, to parser: JSONStreamParser, then continuation: Continuation,
        _ batch: inout EventBatch
    ) -> Int {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        defer { copy.deallocate() }
        _ = copy.initialize(from: bytes)
        return parser.parse(UnsafeBufferPointer(copy), then: continuation, into: &batch)
    }

    func numbers() throws -> [Int] {
        try rows.map { row in
            let details = try JSONSerialization.jsonObject(with: Data((row.details ?? "").utf8))
            return try #require((details as? [String: Any])?["n"] as? Int)
        }
    }
}

/// Documents with records in them, written in many ways.
private struct RandomJSON {
    var dice: TextDice

    /// A document, and the path of the records in it.
    mutating func document() -> (text: String, path: String?) {
        switch dice.number(in: 0...3) {
        case 0: return (blank() + record() + blank(), nil)
        case 1: return (blank() + array() + blank(), nil)
        case 2:
            return ("{\"a\":\(value(3)),\(blank())\"items\"\(blank()):\(array()),\"b\":\(value(3))}", "items")
        default: return ("[\(value(2)),{\"b\":\(value(2)),\"c\":\(blank())\(array())}]", "1.c")
        }
    }

    private mutating func array() -> String {
        let elements = (0..<dice.number(in: 0...6)).map { _ in dice.chance(85) ? record() : scalar() }
        return "[" + blank() + elements.map { $0 + blank() }.joined(separator: "," + blank()) + "]"
    }

    /// What stands in the details of its event again.
    private mutating func record() -> String {
        var members = ["\"time\":\(blank())\"2026-01-05T00:00:00Z\"", "\"kind\":\"a\""]
        for index in 0..<dice.number(in: 0...4) {
            members.insert(
                "\"m\(index)\"\(blank()):\(blank())\(value(3))", at: dice.number(in: 0...members.count))
        }
        return "{" + blank() + members.joined(separator: blank() + "," + blank()) + blank() + "}"
    }

    private mutating func value(_ depth: Int) -> String {
        guard depth > 0, dice.chance(50) else { return scalar() }
        let count = dice.number(in: 0...3)
        if dice.chance(50) {
            return "[" + (0..<count).map { _ in blank() + value(depth - 1) }.joined(separator: ",") + "]"
        }
        return "{" + (0..<count).map { "\"k\($0)\":\(blank())\(value(depth - 1))" }.joined(separator: ",")
            + "}"
    }

    private mutating func scalar() -> String {
        switch dice.number(in: 0...3) {
        case 0: return "\(dice.number(in: -999...999))"
        case 1: return dice.pick(["true", "false", "null"])
        default:
            let pieces = [
                "a", "é", "\u{1F600}", "\\\"", "\\\\", "\\n", "\\u00e9", "{", "}", "[", "]", ",", ":", " ",
            ]
            return "\"" + dice.text(of: pieces, lengths: 0...8) + "\""
        }
    }

    private mutating func blank() -> String { dice.text(of: [" ", "\n", "\t", "\r\n"], lengths: 0...2) }
}
