import Events
import Testing

@Suite struct CSVParserTests {
    private static let header = ["time", "kind", "user", "note"]

    @Test func mapsEveryColumn() {
        let mapping = SourceMapping.event {
            ($0.caseID, $0.service, $0.entity) = (field("case"), field("service"), field("entity"))
            ($0.userID, $0.correlationID, $0.sequence) = (field("user"), field("trace"), field("n"))
            ($0.eventID, $0.details) = (.reference(field("id")), field("data"))
        }
        let header = [
            "id", "time", "kind", "case", "service", "entity", "user", "trace", "n", "data", "rest",
        ]
        let parsed = parse(
            """
            e-1,2026-01-02T03:04:05Z,order.created,c-1,till,parcel,u-1,t-1,-42,"{""a"":1}",x
            e-2,1767323045,"order.""paid",,,,,,,,

            """, mapping, header)
        let rows = [
            ParsedRecords.Row(
                time: "2026-01-02T03:04:05Z", position: 0, sequence: -42, entity: "parcel", caseID: "c-1",
                eventID: "e-1", type: "order.created", service: "till", userID: "u-1", correlationID: "t-1",
                details: #""{\"a\":1}""#),
            ParsedRecords.Row(
                time: "2026-01-02T03:04:05Z", position: 81, sequence: nil, entity: "order", caseID: "e-2",
                eventID: "e-2", type: "order.\"paid", service: "shop", userID: nil, correlationID: nil,
                details: nil),
        ]
        #expect(parsed.rows == rows)
        #expect(parsed.rejects == [])
    }

    @Test func keepsEveryColumnOfOneName() {
        let parsed = parse(
            "2026-01-01,a,1,2,3,4\n", .event(), ["time", "kind", "price", "price", "price_2", "price"])
        #expect(parsed.details == [#"{"price":"1","price_3":"2","price_2":"3","price_4":"4"}"#])
    }

    @Test func countsLinesAndPositions() {
        let parsed = parse(
            "2026-01-01,a,,\n\n2026-01-01,b,,\"x\ny\"\r\n\r\n2026-01-01,c,,\"\n\n\"\n2026-01-01,d,,")
        #expect(parsed.types == ["a", "b", "c", "d"])
        #expect(parsed.rows.map(\.position) == [0, 16, 39, 58])
        #expect(parsed.rows.map(\.eventID) == ["obj:0", "obj:16", "obj:39", "obj:58"])
        #expect(parsed.filtered == 2)
        #expect(parsed.read == 6)
        #expect(parsed.end == 72)
        #expect(parsed.endLine == 9)
        let later = ParsedRecords.parse(
            Array("\n,,,\n".utf8), with: CSVParser(.event(), header: Self.header), at: 500, line: 20)
        #expect(later.rejects.map(\.line) == [21])
        #expect(later.rejects.map(\.position) == [501])
        #expect(later.end == 505)
        #expect(later.endLine == 22)
    }

    @Test(
        arguments: [
            // codes, the lines they are on, and what becomes of the lines in between
            ("2026-01-01,a,b\n", [.malformedCSV], [2]), ("2026-01-01,a,b,c,d\n", [.malformedCSV], [2]),
            (",\n", [.malformedCSV], [2]), ("x\n", [.malformedCSV], [2]), (" \n", [.malformedCSV], [2]),
            (",a,,\n", [.missingTime], [2]), ("2026-01-01,,,\n", [.missingType], [2]),
            ("\"\",a,,\n", [.missingTime], [2]),
            ("soon,a,,\n", [.badTime], [2]), ("1999-01-01,a,,\n", [.timeOutOfRange], [2]),
            (" 2026-01-01,a,,\n", [.badTime], [2]),
            ("2026-01-01,a,,\0\n", [.nulCharacter], [2]), ("2026-01-01,a,,\"\0\"\n", [.nulCharacter], [2]),
            // after a malformed record the next physical line is the next record
            ("2026-01-01,a,\"b\"c,d\n", [.malformedCSV], [2]),
            ("2026-01-01,a,b\"c,d\n", [.malformedCSV], [2]),
            ("2026-01-01,a,b\"c,d\r\n", [.malformedCSV], [2]),
            ("2026-01-01,a,\"b\nc\"d,e\n", [.malformedCSV, .malformedCSV], [2, 3]),
            ("2026-01-01,a,b\"c,\"d\ne\"\n", [.malformedCSV, .malformedCSV], [2, 3]),
        ] as [(String, [RejectCode], [Int64])])
    func rejects(record: String, codes: [RejectCode], lines: [Int64]) {
        let before = "2026-01-01,first,,\n"
        let parsed = parse("\(before)\(record)2026-01-01,last,,\n")
        #expect(parsed.types == ["first", "last"])
        #expect(parsed.codes == codes)
        #expect(parsed.rejects.map(\.line) == lines)
        #expect(parsed.rejects.first?.position == 19)
        let lineBreak = record.contains("\r\n") && codes.count == 1 ? "\r\n" : "\n"
        let first = record.split(separator: lineBreak).first.map(String.init)
        #expect(parsed.rejects.first?.raw.trimmingReturn == first)
        #expect(parsed.rows.last?.position == Int64(before.utf8.count + record.utf8.count))
        #expect(parsed.end == Int64(before.utf8.count + record.utf8.count + 18))
        #expect(parsed.endLine == Int64(3 + lines.count))
    }

    @Test func tellsWhyARecordIsMalformed() {
        func reason(_ record: String) -> String? { parse(record).rejects.first?.reason }
        #expect(reason("a,b\n") == "the record has 2 cells, the header 4")
        #expect(
            reason("a,b,c\"d,e\n")
                == "column 6 (user): a quote stands inside a cell that does not begin with one")
        #expect(reason("a,b,\"c,d\n") == "the quote that opens the cell of user is never closed")
        #expect(reason("a,b,c,d,\"e") == "the quote that opens the cell is never closed")
        #expect(reason(",a,,\n") == #""time" is absent: an event needs a time"#)
        let problem = "text follows a closing quote; a quote inside is written twice"
        #expect(reason("a,b,\"c\"d,e\n") == "column 8 (user): \(problem)")
        #expect(reason("a,b,c,\"d\"e\n") == "column 10 (note): \(problem)")
    }

    @Test func rejectsWhatIsNotUTF8() {
        for cell in [[0xFF], [0x22, 0xC3, 0x22], [0x61, 0xED, 0xA0, 0x80]] as [[UInt8]] {
            let bytes = Array("2026-01-01,é,,".utf8) + cell + Array("\n2026-01-01,b,,\n".utf8)
            let parsed = ParsedRecords.parse(bytes, with: CSVParser(.event(), header: Self.header))
            #expect(parsed.codes == [.invalidUTF8])
            #expect(parsed.types == ["b"])
            let column = cell[0] == 0xFF ? 16 : 17
            #expect(parsed.rejects.first?.reason == "column \(column): these bytes are not UTF-8")
        }
    }

    @Test(
        arguments: [
            // what is read of a last record: rows, rejects, filtered, bytes
            ("2026-01-01,a,,", .more, [0, 0, 0, 0]), ("2026-01-01,a,,", .open, [0, 0, 0, 0]),
            ("2026-01-01,a,,", .overlong, [0, 0, 0, 0]), ("2026-01-01,a,,", .closed, [1, 0, 0, 14]),
            ("2026-01-01,a,,\"x\"", .open, [0, 0, 0, 0]), ("2026-01-01,a,,\"x\"", .closed, [1, 0, 0, 17]),
            ("2026-01-01,a", .open, [0, 0, 0, 0]), ("2026-01-01,a", .closed, [0, 1, 0, 12]),
            ("2026-01-01,a\"b", .more, [0, 0, 0, 0]), ("2026-01-01,a\"b", .open, [0, 0, 0, 0]),
            ("2026-01-01,a\"b", .overlong, [0, 0, 0, 0]), ("2026-01-01,a\"b", .closed, [0, 1, 0, 14]),
            // a quote that is not closed, on one line and over two
            ("2026-01-01,a,,\"x", .more, [0, 0, 0, 0]), ("2026-01-01,a,,\"x", .open, [0, 0, 0, 0]),
            ("2026-01-01,a,,\"x", .overlong, [0, 0, 0, 0]), ("2026-01-01,a,,\"x", .closed, [0, 1, 0, 16]),
            ("2026-01-01,a,,\"x\n2026-01-01,b,,\n", .more, [0, 0, 0, 0]),
            ("2026-01-01,a,,\"x\n2026-01-01,b,,\n", .open, [0, 0, 0, 0]),
            ("2026-01-01,a,,\"x\n2026-01-01,b,,\n", .overlong, [1, 1, 0, 32]),
            ("2026-01-01,a,,\"x\n2026-01-01,b,,\n", .closed, [1, 1, 0, 32]),
            ("2026-01-01,a,,\"x\n2026-01-01,b,,", .overlong, [0, 1, 0, 17]),
            ("2026-01-01,a,,\"x\n2026-01-01,b,,", .closed, [1, 1, 0, 31]),
            ("", .closed, [0, 0, 0, 0]), ("\n", .open, [0, 0, 1, 1]), ("\r\n", .more, [0, 0, 1, 2]),
            ("\r", .more, [0, 0, 0, 0]),
        ] as [(String, Continuation, [Int])])
    func readsALastRecord(last: String, continuation: Continuation, counts: [Int]) {
        let parsed = ParsedRecords.parse(
            Array(last.utf8), with: CSVParser(.event(), header: Self.header), then: continuation)
        #expect([parsed.rows.count, parsed.rejects.count, parsed.filtered, Int(parsed.end)] == counts)
        let lines = last.utf8.prefix(Int(parsed.end)).count { $0 == 0x0A }
        #expect(parsed.endLine == Int64(1 + lines))
    }

    /// Only the record that begins the bytes is too long; a record behind it that is cut by their end is not.
    @Test func waitsForTheRecordsBehindAnOverlongOne() {
        let text = Array("2026-01-01,a,,\"x\n2026-01-01,b,,\n2026-01-01,c,,\"y\nz\"\n".utf8)
        let parser = CSVParser(.event(), header: Self.header)
        let cut = text.count - 3
        let parsed = ParsedRecords.parse(Array(text[..<cut]), with: parser, then: .overlong)
        #expect(parsed.rejects.first?.line == 1)
        #expect(parsed.types == ["b"])
        #expect(parsed.rejects.count == 1)
        #expect(parsed.end == 32)
    }

    @Test func stopsWhereTheBatchIsFull() {
        let parser = CSVParser(.event(), header: Self.header)
        let line = Array("2026-01-01,a,,\n".utf8)
        var batch = EventBatch()
        batch.reset(at: 0, line: 1)
        parser.begin(&batch, objectIdentity: "obj")
        _ = line.withUnsafeBufferPointer { parser.parse($0, then: .closed, into: &batch) }
        batch.events += Array(repeating: batch.events[0], count: EventBatch.maxEvents - 2)
        let count = (line + line).withUnsafeBufferPointer { parser.parse($0, then: .closed, into: &batch) }
        #expect(count == line.count)
        let events = batch.events.count
        #expect(events == EventBatch.maxEvents)
    }

    // MARK: - Names and cells

    @Test(
        arguments: [
            // header, field, index of the column that it names
            (["order.id", "order"], "order.id", 0), (["order", "id"], "order.id", nil),
            (["case:concept:name"], "/case:concept:name", 0),
            (["case:concept:name"], "case:concept:name", 0), (["/a", "a"], "/a", 0), (["a", "/a"], "/a", 1),
            (["a"], "/a", 0),
            (["a/b"], "/a~1b", 0), (["a/b"], "/a/b", nil), (["/a/b"], "/a/b", 0), (["a.b"], "/a.b", 0),
            (["A"], "a", nil),
            (["a", "a"], "a", 0), ([" a"], "a", nil), (["a\nb"], "a\nb", 0), (["0"], "0", 0),
        ] as [([String], String, Int?)])
    func matchesWholeNames(header: [String], name: String, column: Int?) throws {
        #expect(CSVParser.column(of: try FieldPath(parsing: name), in: header) == column)
        let row = "2026-01-01,a," + header.indices.map { "v\($0)" }.joined(separator: ",")
        let parsed = parse(row, .event { $0.userID = field(name) }, ["time", "kind"] + header)
        #expect(parsed.rows.map(\.userID) == [column.map { "v\($0)" }])
    }

    @Test func findsAColumnByBothOfItsNames() {
        let mapping = SourceMapping.event { ($0.userID, $0.caseID) = (field("order.id"), field("/order.id")) }
        let parsed = parse("2026-01-01,a,7\n", mapping, ["time", "kind", "order.id"])
        #expect(parsed.rows.map(\.userID) == ["7"])
        #expect(parsed.rows.map(\.caseID) == ["7"])
    }

    @Test func emptyCellsAreAbsent() {
        let mapping = SourceMapping.event {
            ($0.userID, $0.correlationID) = (first("user", "note"), field("{user}-{note}"))
        }
        let parsed = parse(
            "2026-01-01,a,,n\n2026-01-01,a,\"\",n\n2026-01-01,a,u,\n2026-01-01,a,u,\" \"\n", mapping)
        #expect(parsed.rows.map(\.userID) == ["n", "n", "u", "u"])
        #expect(parsed.rows.map(\.correlationID) == [nil, nil, nil, "u- "])
        #expect(parsed.details == ["{}", "{}", "{}", "{}"])
    }

    @Test(arguments: [
        (",", "{}"), ("1,", #"{"a.b":"1"}"#), (",2", #"{"\"q\"":"2"}"#), ("1,2", #"{"a.b":"1","\"q\"":"2"}"#),
        ("\"x\"\"y\",\\", #"{"a.b":"x\"y","\"q\"":"\\"}"#),
        ("\"1,\n2\",\"\t\r\"", #"{"a.b":"1,\n2","\"q\"":"\t\r"}"#),
        ("é😀,\u{1}\u{1F}\u{7F}", "{\"a.b\":\"é😀\",\"\\\"q\\\"\":\"\\u0001\\u001f\u{7F}\"}"),
        ("null, ", #"{"a.b":"null","\"q\"":" "}"#),
        ("\"\",\"\"\"\"", #"{"\"q\"":"\""}"#),
    ])
    func leavesOverTheOtherColumns(cells: String, details: String) {
        let parsed = parse("2026-01-01,\(cells),a\r\n", .event(), ["time", "a.b", "\"q\"", "kind"])
        #expect(parsed.details == [details])
        #expect(ScannerVerdict(details.utf8) == .sound)
    }

    @Test(
        arguments: [
            ("u,n", #""u""#), (",n", #""n""#), (",", nil), ("\"a\"\"b\n\",", #""a\"b\n""#),
        ] as [(String, String?)])
    func mapsDetailsAsText(cells: String, details: String?) {
        let parsed = parse("2026-01-01,a,\(cells)\n", .event { $0.details = first("user", "note") })
        #expect(parsed.details == [details])
    }

    @Test func yieldsAnEventForEachTime() {
        let mapping = SourceMapping.events(
            ["created", "paid"].map { name in
                .sample {
                    ($0.occurredAt, $0.type) = (.init(field(name)), .constant(name))
                    $0.eventID = name == "paid" ? .content : .position
                }
            })
        let parsed = parse(
            "2026-01-01,2026-01-02,x\r\n2026-01-01,,\n,,y\n\"\",2026-01-03,\nbad,worse,\n", mapping,
            ["created", "paid", "x"])
        #expect(parsed.types == ["created", "paid", "created", "paid"])
        let hashes = ["2026-01-01,2026-01-02,x", "\"\",2026-01-03,"].map {
            SHA256.hex(Array($0.utf8), prefix: 16)
        }
        #expect(parsed.rows.map(\.eventID) == ["obj:0:0", "\(hashes[0]):1", "obj:25:0", "\(hashes[1]):1"])
        #expect(parsed.details == [#"{"x":"x"}"#, #"{"x":"x"}"#, "{}", "{}"])
        #expect(parsed.codes == [.badTime, .badTime])
        #expect(parsed.filtered == 1)
        #expect(parsed.read == 7)
    }

    // MARK: - Chunks

    private static let nasty =
        Array(
            "2026-01-01,a,\"x\"\"y\",\"1\r\n2\n\"\r\n\r\n2026-01-01,b,,\n\n2026-01-01,\"c\"x,,\n2026-01-01,é😀,\"\",\"\"\"\"\n"
                .utf8)
        + Array("2026-01-01,c\n2026-01-01,d\"e,,\"\nf\",\nsoon,a,,\n2026-01-01,".utf8) + [0xFF]
        + Array(
            ",,\n2026-01-01,g,\r,h\r\n2026-01-01,\"i\",\"\",\"j\"\r\n2026-01-01,k,,\"never\n2026-01-01,l,,"
                .utf8)

    @Test func everyCutGivesTheSame() {
        let parser = CSVParser(.event { $0.userID = field("user") }, header: Self.header)
        let whole = ParsedRecords.parse(Self.nasty, with: parser)
        #expect(whole.types == ["a", "b", "é😀", "g", "i", "l"])
        #expect(
            whole.codes == [
                .malformedCSV, .malformedCSV, .malformedCSV, .malformedCSV, .badTime, .invalidUTF8,
                .malformedCSV,
            ])
        #expect(whole.rejects.map(\.line) == [7, 9, 10, 11, 12, 13, 16])
        for cut in 0...Self.nasty.count {
            for first in [Continuation.more, .open] {
                let parsed = ParsedRecords.parse(Self.nasty, cutAt: cut, first: first, with: parser)
                #expect(parsed == whole, "cut at \(cut), \(first)")
            }
        }
        #expect(ParsedRecords.parse(byByte: Self.nasty, with: parser) == whole)
    }

    private func parse(_ text: String, _ mapping: SourceMapping = .event(), _ header: [String] = header)
        -> ParsedRecords
    {
        ParsedRecords.parse(Array(text.utf8), with: CSVParser(mapping, header: header))
    }
}

extension String {
    fileprivate var trimmingReturn: String {
        utf8.last == 0x0D ? String(decoding: utf8.dropLast(), as: UTF8.self) : self
    }
}
