import Events
import Testing

/// Lines and what becomes of them: positions, line ends, rejects. For the rules of a mapping see
/// `RecordMappingTests`.
@Suite struct NDJSONParserTests {
    private static let time = #""time":"2026-01-02T03:04:05Z""#
    private static let event = #"{"time":"2026-01-02T03:04:05Z","kind":"a"}"#

    @Test func countsLinesAndPositions() {
        let parsed = parse("\(Self.event)\n\n\(Self.event)\r\n \t\r\n[]\n\(Self.event)")
        #expect(parsed.rows.map(\.position) == [0, 44, 95])
        #expect(parsed.rows.map(\.eventID) == ["obj:0", "obj:44", "obj:95"])
        #expect(parsed.rejects.map(\.line) == [5])
        #expect(parsed.rejects.map(\.position) == [92])
        #expect(parsed.filtered == 2)
        #expect(parsed.read == 6)
        #expect(parsed.end == 137)
        #expect(parsed.endLine == 6)
        #expect(parse("\(Self.event)\n").endLine == 2)
    }

    @Test func goesOnFromAPositionAndLine() {
        let parsed = ParsedRecords.parse(
            Array("\(Self.event)\n?\n".utf8), with: NDJSONParser(.event()), at: 1_000, line: 17)
        #expect(parsed.rows.map(\.eventID) == ["obj:1000"])
        #expect(parsed.rejects.map(\.position) == [1_043])
        #expect(parsed.rejects.map(\.line) == [18])
        #expect(parsed.end == 1_045)
        #expect(parsed.endLine == 19)
    }

    @Test func skipsAByteOrderMarkAtTheStartOnly() {
        let parsed = parse("\u{FEFF}\(Self.event)\n\(Self.event)\n\u{FEFF}\(Self.event)\n")
        #expect(parsed.rows.map(\.position) == [0, 46])
        #expect(parsed.codes == [.malformedJSON])
        #expect(parse("\u{FEFF}").filtered == 1)
        #expect(parse("\u{FEFF}\r\n").filtered == 1)
        let late = ParsedRecords.parse(
            Array("\u{FEFF}\(Self.event)".utf8), with: NDJSONParser(.event()), at: 10, line: 2)
        #expect(late.codes == [.malformedJSON])
    }

    @Test func derivesTheSameIDWithAndWithoutAByteOrderMark() {
        let parser = NDJSONParser(.event { $0.eventID = .content })
        let parsed = ParsedRecords.parse(Array("\u{FEFF}\(Self.event)\n\(Self.event)\r\n".utf8), with: parser)
        #expect(parsed.rows.count == 2)
        #expect(parsed.rows.first?.eventID == parsed.rows.last?.eventID)
    }

    @Test(
        arguments: [
            // code, line, and what the reason says
            ("{", .malformedJSON, "column 2: the text ends in the middle of a value"),
            (#"{"a":1,}"#, .malformedJSON, "column 8: a member name in double quotes is expected here"),
            ("{'a':1}", .malformedJSON, "column 2: a member name in double quotes is expected here"),
            (#"{"a":1}{"#, .malformedJSON, "column 8: there is more text after the value"),
            (#"{"a":1} // c"#, .malformedJSON, "column 9: there is more text after the value"),
            ("nonsense", .malformedJSON, "column 1: only true, false and null are words of JSON"),
            ("\0", .malformedJSON, "column 1: a value is expected here"),
            ("{\"a\":\"\t\"}", .malformedJSON, "column 7: a control character must be escaped in a string"),
            ("[]", .notAnObject, "the line is valid JSON, but not an object"),
            ("1", .notAnObject, "the line is valid JSON, but not an object"),
            ("null", .notAnObject, "the line is valid JSON, but not an object"),
            (#""{}""#, .notAnObject, "the line is valid JSON, but not an object"),
            (
                #"{"a":"\u0000"}"#, .nulCharacter,
                #"column 7: \u0000 is a character that PostgreSQL cannot store"#
            ),
            (
                #"{"\u0000":1}"#, .nulCharacter,
                #"column 3: \u0000 is a character that PostgreSQL cannot store"#
            ),
            (
                #"{"time":"\u0000"}"#, .nulCharacter,
                #"column 10: \u0000 is a character that PostgreSQL cannot store"#
            ),
            (#"{"a":"\ud800"}"#, .loneSurrogate, "column 7: half of a surrogate pair is no character"),
            (
                #"{"a":[{"b":1e131072}]}"#, .numberOutOfRange,
                "column 12: the number has more digits than PostgreSQL's numeric can hold"
            ),
            ("{}", .missingTime, #""time" is absent: an event needs a time"#),
            (#"{"time":null,"kind":"a"}"#, .missingTime, #""time" is absent: an event needs a time"#),
            (#"{"time":"","kind":"a"}"#, .missingTime, #""time" is absent: an event needs a time"#),
            (#"{"time":"yesterday","kind":"a"}"#, .badTime, #""time" is "yesterday", not a time"#),
            (#"{"time":true,"kind":"a"}"#, .badTime, #""time" is "true", not a time"#),
            (#"{"time":"1999-12-31T23:59:59Z","kind":"a"}"#, .timeOutOfRange, nil),
            (#"{"time":"2100-01-01T00:00:00.000001Z","kind":"a"}"#, .timeOutOfRange, nil),
            (
                #"{"time":[],"kind":"a"}"#, .notAScalar,
                "occurred_at is an object or array where a text is needed"
            ),
            (#"{\#(time),"kind":{}}"#, .notAScalar, "type is an object or array where a text is needed"),
            (#"{\#(time)}"#, .missingType, "the type is absent"),
            (#"{\#(time),"kind":null}"#, .missingType, "the type is absent"),
            (#"{\#(time),"kind":"a","seq":"x"}"#, .badSequence, #"sequence is "x", not a 64-bit integer"#),
            (#"{\#(time),"kind":"a","seq":1.0}"#, .badSequence, #"sequence is "1.0", not a 64-bit integer"#),
            (#"{\#(time),"kind":"a","seq":9223372036854775808}"#, .badSequence, nil),
            (
                #"{\#(time),"kind":"a","user":[1]}"#, .notAScalar,
                "user_id is an object or array where a text is needed"
            ),
        ] as [(String, RejectCode, String?)])
    func rejects(line: String, code: RejectCode, reason: String?) {
        let parser = NDJSONParser(.event { ($0.sequence, $0.userID) = (field("seq"), field("user")) })
        for end in ["\n", "\r\n"] {
            let text = "\(Self.event)\n\(line)\(end)\(Self.event)\n"
            let parsed = ParsedRecords.parse(Array(text.utf8), with: parser)
            #expect(parsed.rows.count == 2)
            #expect(parsed.rows.last?.position == Int64(43 + line.utf8.count + end.utf8.count))
            #expect(parsed.codes == [code])
            #expect(parsed.rejects.first?.line == 2)
            #expect(parsed.rejects.first?.position == 43)
            #expect(parsed.rejects.first?.raw == line)
            if let reason, end == "\n" { #expect(parsed.rejects.first?.reason == reason) }
            #expect(parsed.read == 3)
        }
    }

    @Test func rejectsWhatIsNotUTF8() {
        let bytes = Array(#"{"a":"é"#.utf8) + [0xE2, 0x82] + Array("\"}\n".utf8)
        let parsed = ParsedRecords.parse(bytes, with: NDJSONParser(.event()))
        #expect(parsed.codes == [.invalidUTF8])
        #expect(parsed.rejects.first?.reason == "column 9: these bytes are not UTF-8")
    }

    @Test func rejectsKeysThatCannotBeIndexed() {
        let mapping = SourceMapping.event {
            ($0.caseID, $0.eventID) = (field("case"), .reference(field("id")))
        }
        func codes(_ caseBytes: Int, _ idBytes: Int) -> [RejectCode] {
            let texts = [caseBytes, idBytes].map { String(repeating: "é", count: $0 / 2) }
            let line = #"{\#(Self.time),"kind":"a","case":"\#(texts[0])","id":"\#(texts[1])"}"#
            return ParsedRecords.parse(Array(line.utf8), with: NDJSONParser(mapping)).codes
        }
        #expect(codes(2_000, 500) == [])
        #expect(codes(2_000, 502) == [.keyTooLong])
        let twice = #"{\#(Self.time),"kind":"a","id":"\#(String(repeating: "x", count: 1_251))"}"#
        #expect(ParsedRecords.parse(Array(twice.utf8), with: NDJSONParser(mapping)).codes == [.keyTooLong])
    }

    /// Deeper than PostgreSQL's stack allows for a `jsonb`; version 15 refuses some 13,000 levels.
    @Test func rejectsWhatIsTooDeepForJSONB() {
        let deep = String(repeating: "[", count: 20_000) + String(repeating: "]", count: 20_000)
        let parsed = parse(#"{\#(Self.time),"kind":"a","deep":\#(deep)}"#)
        #expect(parsed.rows.count == 0)
        #expect(parsed.rejects.count == 1)
    }

    @Test(
        arguments: [
            // what is read of a last line without its line end: rows, rejects, filtered
            (event, .more, [0, 0, 0]), (event, .open, [1, 0, 0]), (event, .closed, [1, 0, 0]),
            (event, .overlong, [0, 0, 0]), (event + " \r", .open, [1, 0, 0]),
            ("\u{FEFF}" + event, .open, [1, 0, 0]),
            // complete and without an event
            (#"{"a":"\ud800"}"#, .open, [0, 1, 0]), ("{}", .open, [0, 1, 0]), ("{}", .more, [0, 0, 0]),
            // not complete
            (#"{"a":1"#, .more, [0, 0, 0]), (#"{"a":1"#, .open, [0, 0, 0]), (#"{"a":1"#, .closed, [0, 1, 0]),
            (#"{"a":1"#, .overlong, [0, 0, 0]),
            // no object, which may become something else
            ("1", .open, [0, 0, 0]), ("[]", .open, [0, 0, 0]), ("[]", .closed, [0, 1, 0]),
            ("{}{", .open, [0, 0, 0]),
            ("x", .open, [0, 0, 0]), ("x", .closed, [0, 1, 0]), ("\u{FEFF}", .open, [0, 0, 0]),
            // blank
            (" ", .more, [0, 0, 0]), (" ", .open, [0, 0, 0]), (" \r", .open, [0, 0, 0]),
            (" ", .closed, [0, 0, 1]),
            ("", .open, [0, 0, 0]), ("", .closed, [0, 0, 0]),
        ] as [(String, Continuation, [Int])])
    func readsALastLine(last: String, continuation: Continuation, counts: [Int]) {
        for before in ["", "\n", Self.event + "\n"] {
            if last.hasPrefix("\u{FEFF}"), before != "" { continue }
            let parsed = ParsedRecords.parse(
                Array((before + last).utf8), with: NDJSONParser(.event()), then: continuation)
            let earlier = [before.count > 1 ? 1 : 0, 0, before == "\n" ? 1 : 0]
            #expect(
                [parsed.rows.count, parsed.rejects.count, parsed.filtered] == zip(counts, earlier).map(+))
            let isRead = counts != [0, 0, 0]
            #expect(parsed.end == Int64(before.utf8.count + (isRead ? last.utf8.count : 0)))
            #expect(parsed.endLine == (before.isEmpty ? 1 : 2))
        }
    }

    @Test func stopsWhereTheBatchIsFull() {
        let parser = NDJSONParser(.event())
        var batch = EventBatch()
        batch.reset(at: 0, line: 1)
        parser.begin(&batch, objectIdentity: "obj")
        let line = Array("\(Self.event)\n".utf8)
        let bytes = line + line + line
        let before = fill(&batch, line, parser, count: EventBatch.maxEvents - 2)
        let count = bytes.withUnsafeBufferPointer { parser.parse($0, then: .closed, into: &batch) }
        #expect(count == 2 * line.count)
        let isFull = batch.isFull
        #expect(isFull)
        #expect(batch.range.end == Int64(before + 2 * line.count))
        #expect(batch.events.count == EventBatch.maxEvents)
        #expect(bytes.withUnsafeBufferPointer { parser.parse($0, then: .closed, into: &batch) } == 0)
    }

    /// Stands in for the events of earlier lines.
    private func fill(_ batch: inout EventBatch, _ line: [UInt8], _ parser: NDJSONParser, count: Int) -> Int {
        let parsed = line.withUnsafeBufferPointer { parser.parse($0, then: .closed, into: &batch) }
        batch.events += Array(repeating: batch.events[0], count: count - 1)
        return parsed
    }

    @Test func batchesThatAreResetBeginAnew() {
        let parser = NDJSONParser(.event { $0.service = .constant("till") })
        var batch = EventBatch()
        for identity in ["one", "two"] {
            batch.reset(at: 0, line: 1)
            parser.begin(&batch, objectIdentity: identity)
            let bytes = Array("\(Self.event)\n{}\n\n".utf8)
            _ = bytes.withUnsafeBufferPointer { parser.parse($0, then: .closed, into: &batch) }
            let parsed = ParsedRecords(batch)
            #expect(parsed.rows.map(\.eventID) == ["\(identity):0"])
            #expect(parsed.rows.map(\.service) == ["till"])
            #expect(parsed.read == 3)
        }
    }

    // MARK: - Chunks

    /// Line ends of both kinds, blank lines, a mark, every kind of reject, and texts that look like line ends.
    private static let nasty =
        Array(
            """
            \u{FEFF}{"time":"2026-01-02T03:04:05Z","kind":"a\\n{","n":[{"x":"}]é😀"}]}\r
            {"kind":"b","time":1767323045123,"user":7}

            \t \r
            {"kind":"c","time":"2026-01-02"
            [1,2]
            {"kind":"\\u0000"}
            {"\\u006bind":"d","time":"2026-01-02","kind":"e\\ud83d\\ude00"}
            {"kind":"f","time":"soon"}
            {"x":"
            """.utf8) + [0xC3, 0x28] + Array("\"}\n{}\n\r\n\(event)".utf8)

    @Test func everyCutGivesTheSame() {
        let parser = NDJSONParser(.event { $0.userID = field("user") })
        let whole = ParsedRecords.parse(Self.nasty, with: parser)
        #expect(whole.types == ["a\n{", "b", "e😀", "a"])
        #expect(
            whole.codes == [
                .malformedJSON, .notAnObject, .nulCharacter, .badTime, .invalidUTF8, .missingTime,
            ])
        for cut in 0...Self.nasty.count {
            for first in [Continuation.more, .overlong] {
                let parsed = ParsedRecords.parse(Self.nasty, cutAt: cut, first: first, with: parser)
                #expect(parsed == whole, "cut at \(cut), \(first)")
            }
        }
        #expect(ParsedRecords.parse(byByte: Self.nasty, with: parser) == whole)
    }

    /// A file that grew: what was read before its last line was complete is the same, but for a line whose
    /// object was whole without its line end, which leaves the line end to the reader.
    @Test func everyCutOfAGrowingFileLosesNothing() {
        let parser = NDJSONParser(.event { $0.userID = field("user") })
        let whole = ParsedRecords.parse(Self.nasty, with: parser)
        for cut in 0...Self.nasty.count {
            let parsed = ParsedRecords.parse(Self.nasty, cutAt: cut, first: .open, with: parser)
            #expect(parsed.rows == whole.rows, "cut at \(cut)")
            #expect(parsed.codes == whole.codes, "cut at \(cut)")
            #expect(parsed.end == whole.end)
        }
    }

    private func parse(_ text: String) -> ParsedRecords {
        ParsedRecords.parse(Array(text.utf8), with: NDJSONParser(.event()))
    }
}
