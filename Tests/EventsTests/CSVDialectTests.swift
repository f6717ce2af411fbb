import Events
import Foundation
import Fuzz
import Testing

/// Files that leave RFC 4180: each option alone, random files as Python's `csv` reads them, and files in pieces.
@Suite struct CSVDialectTests {
    private static let header = ["time", "kind", "user", "note"]

    // MARK: - Options

    @Test(
        arguments: [
            // dialect, text, cells of its records
            (CSVDialect(separator: 0x3B), "a;b,c;\"d;e\"\n", [["a", "b,c", "d;e"]]),
            (CSVDialect(quote: 0x27), "'a,''b',\"c\"\n", [["a,'b", "\"c\""]]),
            (CSVDialect(quote: nil), "\"a,b\"\n\n\",\n", [["\"a", "b\""], [""], ["\"", ""]]),
            (CSVDialect(quote: nil), "\n,a\n", [[""], ["", "a"]]),
            (CSVDialect(escape: 0x5C), #""a\"b""c\,\n",\,d,\\"# + "\n", [["a\"b\"c,n", ",d", "\\"]]),
            (CSVDialect(escape: 0x5C), "a\\\nb,c\\\r\nd\n", [["a\nb", "c\r"], ["d"]]),
            (CSVDialect(escape: 0x5C), "a\\\"b,\\\"c\\\"\n", [["a\"b", "\"c\""]]),
            (CSVDialect(quote: nil, escape: 0x5C), "a\\,b,\"c\\\n\"\n", [["a,b", "\"c\n\""]]),
            (CSVDialect(escape: 0x5E), "a^,b,c\\\n", [["a,b", "c\\"]]),
            (CSVDialect(comment: 0x23), "#a\"b\nc,#d\r\n#\n#,\r\n", [[], ["c", "#d"], [], []]),
            (CSVDialect(comment: 0x23), "\"\n#\",a\n\"#b\"\n #\n#", [["\n#", "a"], ["#b"], [" #"], []]),
            (.tsv, "a\t\"b\"\tc,d\r\n", [["a", "\"b\"", "c,d"]]),
            (.tsv, #"\t\n\r\\\b\f\v"# + "\t.\n", [["\t\n\r\\\u{8}\u{C}\u{B}", "."]]),
            (.tsv, "\\N\t\\NN\tN\t\\\\N\ta\\N\n", [["", "\\NN", "N", "\\N", "a\\N"]]),
            (.tsv, "C:\\dir\t\\0\t\\.\t\\é\n", [["C:\\dir", "\\0", "\\.", "\\é"]]),
            (.tsv, "a\\\tb\tc\\\nd\\\\\te\n", [["a\tb", "c\nd\\", "e"]]),
            (
                CSVDialect(escape: 0x5C, escapesByLetter: true), "\"\\N\",\"\\n\\\"\",\\N\n",
                [["\\N", "\n\"", ""]]
            ),
        ] as [(CSVDialect, String, [[String]])])
    func readsItsOptions(dialect: CSVDialect, text: String, records: [[String]]) {
        #expect(cells(of: Array(text.utf8), dialect) == records)
        // Whatever the place of a byte in the sixteen that are looked at.
        for length in 1...33 {
            let cell = String(repeating: "x", count: length)
            let shifted = Array((cell + "\n" + text).utf8)
            #expect(self.cells(of: shifted, dialect) == [[cell]] + records)
        }
    }

    @Test(
        arguments: [
            (CSVDialect.rfc4180, nil), (.tsv, nil),
            (CSVDialect(separator: 0x22), "the quote is the separator, too"),
            (CSVDialect(separator: 0), "the separator is a zero byte, which no text may hold"),
            (CSVDialect(separator: 0x0A), "the separator is a line end"),
            (CSVDialect(quote: 0x0D), "the quote is a line end"),
            (CSVDialect(separator: 0xE9), "the separator is no ASCII character"),
            (CSVDialect(escape: 0x2C), "the escape is the separator, too"),
            (
                CSVDialect(escape: 0x22),
                "the escape is the quote; a quote that is written twice needs no escape"
            ), (CSVDialect(comment: 0x22), "the comment is the quote, too"),
            (CSVDialect(quote: nil, comment: 0x2C), "the comment is the separator, too"),
            (CSVDialect(escapesByLetter: true), "letters can stand for characters only behind an escape"),
            (
                CSVDialect(escape: 0x6E, escapesByLetter: true),
                "the escape is a letter that stands for a character behind it"
            ), (CSVDialect(skippedLines: -1), "-1 lines cannot be skipped"),
            (CSVDialect(header: .given([])), "the header that is given names no column"),
            (CSVDialect(separator: 0x3B, quote: 0x27, escape: 0x5C, comment: 0x23), nil),
        ] as [(CSVDialect, String?)])
    func tellsContradictions(dialect: CSVDialect, problem: String?) {
        #expect(dialect.problem == problem)
    }

    @Test func commentsAreNoRecords() {
        let parsed = parse("#x,\"\n2026-01-01,a,,\n\n#\n2026-01-01,b,#,\n#", CSVDialect(comment: 0x23))
        #expect(parsed.types == ["a", "b"])
        #expect(parsed.rows.map(\.position) == [5, 23])
        #expect(parsed.filtered == 4)
        #expect(parsed.rejects == [])
        #expect(parsed.end == 40)
        #expect(parsed.endLine == 6)
    }

    @Test func fillsRaggedRows() {
        let text = "2026-01-01,a\n2026-01-01,b,u,n,,\n2026-01-01,c,u,n,x\n2026-01-01\n2026-01-01,d,u,n,\"\"\n"
        let filled = parse(text, CSVDialect(raggedRows: .filled))
        #expect(filled.types == ["a", "b", "d"])
        #expect(filled.details == ["{}", #"{"user":"u","note":"n"}"#, #"{"user":"u","note":"n"}"#])
        #expect(filled.codes == [.malformedCSV, .missingType])
        #expect(filled.rejects.first?.reason == "the record has 5 cells, the header 4")
        #expect(filled.rejects.map(\.line) == [3, 4])
        #expect(parse(text, .rfc4180).codes == Array(repeating: .malformedCSV, count: 5))
    }

    /// A `\N` is null where it is mapped, where another field stands in for it, and among the details.
    @Test func nullsAreAbsent() {
        let mapping = SourceMapping.event { $0.userID = first("user", "kind") }
        let parsed = ParsedRecords.parse(
            Array("2026-01-01\ta\t\\N\t\\N\n2026-01-01\tb\\tc\tu\\\\\t\\\\N\"\n".utf8),
            with: CSVParser(mapping, header: Self.header, dialect: .tsv))
        #expect(parsed.types == ["a", "b\tc"])
        #expect(parsed.rows.map(\.userID) == ["a", "u\\"])
        #expect(parsed.details == ["{}", #"{"note":"\\N\""}"#])
    }

    // MARK: - Malformed records

    @Test(
        arguments: [
            // dialect, the second record, its reason, the lines that are rejected
            (
                CSVDialect(separator: 0x3B), "2026-01-01;a;\"b\"c;\n",
                "column 17 (user): text follows a closing quote; a quote inside is written twice", [2]
            ),
            (
                CSVDialect(quote: 0x27), "2026-01-01,a,b'c,\n",
                "column 15 (user): a quote stands inside a cell that does not begin with one", [2]
            ),
            (
                CSVDialect(escape: 0x5C), "2026-01-01,a,\"b\"\\,,\n",
                "column 17 (user): text follows a closing quote; a quote inside is written twice", [2]
            ),
            (
                CSVDialect(escape: 0x5C), "2026-01-01,a,\\\"b\\\nc\"d,\n",
                "column 20 (user): a quote stands inside a cell that does not begin with one", [2, 3]
            ), (.tsv, "2026-01-01\ta\tb\n", "the record has 3 cells, the header 4", [2]),
        ] as [(CSVDialect, String, String, [Int64])])
    func rejects(dialect: CSVDialect, record: String, reason: String, lines: [Int64]) {
        let separator = String(UnicodeScalar(dialect.separator))
        func plain(_ kind: String) -> String { "2026-01-01,\(kind),,\n".replacing(",", with: separator) }
        let parsed = parse(plain("first") + record + plain("last"), dialect)
        #expect(parsed.types == ["first", "last"])
        #expect(parsed.rejects.first?.reason == reason)
        #expect(parsed.rejects.map(\.line) == lines)
        #expect(parsed.rejects.first?.position == 19)
        #expect(parsed.endLine == Int64(3 + lines.count))
    }

    @Test func anEscapeNeedsAByteBehindIt() {
        let dialect = CSVDialect(escape: 0x5C)
        let end = parse("2026-01-01,a,,\\", dialect)
        #expect(end.rejects.map(\.reason) == ["column 15 (note): nothing follows an escape"])
        let waiting = ParsedRecords.parse(
            Array("2026-01-01,a,,\\".utf8), with: parser(dialect), then: .open)
        #expect(waiting.end == 0)
        #expect(
            parse("2026-01-01,a,,\"\\", dialect).rejects.map(\.reason)
                == ["the quote that opens the cell of note is never closed"])
        // The line end is the cell's: there is none behind the record.
        let escapedEnd = parse("2026-01-01,a,,b\\\n", dialect)
        #expect(escapedEnd.details == [#"{"note":"b\n"}"#])
        #expect(escapedEnd.endLine == 2)
    }

    // MARK: - Random files

    /// The dialects that Python's `csv` knows too, as its arguments.
    private static let shared: [(dialect: CSVDialect, doubles: Bool, arguments: [String: String])] = [
        (.rfc4180, true, [:]), (CSVDialect(separator: 0x3B), true, ["delimiter": ";"]),
        (CSVDialect(separator: 0x09, quote: 0x27), true, ["delimiter": "\t", "quotechar": "'"]),
        (CSVDialect(escape: 0x5C), true, ["escapechar": "\\"]),
        (CSVDialect(escape: 0x5C), false, ["escapechar": "\\", "doublequote": "no"]),
        (CSVDialect(separator: 0x7C, quote: nil), true, ["delimiter": "|", "quoting": "none"]),
        (CSVDialect(quote: nil, escape: 0x5C), true, ["escapechar": "\\", "quoting": "none"]),
    ]

    @Test func readsWhatIsWritten() {
        var random = SeededGenerator(seed: 4_180)
        for _ in 0..<400 {
            for (dialect, doubles, _) in Self.shared {
                let file = CSVRandomFile(dialect, doubles: doubles, records: 5, using: &random)
                #expect(
                    cells(of: file.text, dialect).map { $0 == [""] ? [] : $0 }
                        == file.records.map { $0 == [""] ? [] : $0 })
            }
        }
    }

    @Test("Python's csv module reads the same", .enabled(if: Python.isInstalled))
    func agreesWithPython() throws {
        var random = SeededGenerator(seed: 305)
        var questions: [[String: Any]] = []
        var answers: [[[String]]] = []
        for _ in 0..<150 {
            for (dialect, doubles, arguments) in Self.shared {
                let file = CSVRandomFile(dialect, doubles: doubles, records: 8, using: &random)
                questions.append(["text": String(decoding: file.text, as: UTF8.self), "arguments": arguments])
                answers.append(cells(of: file.text, dialect, blankIsEmpty: true))
            }
        }
        let judged = try Python.run(Self.reader, questions) as? [[[String]]]
        let read = try #require(judged)
        try #require(read.count == answers.count)
        for (index, answer) in answers.enumerated() where read[index] != answer {
            Issue.record("\(questions[index]): Python reads \(read[index]), we \(answer)")
            return
        }
    }

    private static let reader = """
        import csv, io, json, sys
        def read(question):
            arguments = dict(question["arguments"])
            if arguments.pop("doublequote", "") == "no": arguments["doublequote"] = False
            if arguments.pop("quoting", "") == "none": arguments["quoting"] = csv.QUOTE_NONE
            try: return list(csv.reader(io.StringIO(question["text"], newline=""), strict=True, **arguments))
            except csv.Error as error: return [[str(error)]]
        json.dump([read(question) for question in json.load(sys.stdin)], sys.stdout)
        """

    /// The details hold the texts of the cells, whatever they are, as JSON.
    @Test func keepsTheTextsOfDetails() throws {
        var random = SeededGenerator(seed: 8_259)
        let dialect = CSVDialect(escape: 0x5C, raggedRows: .filled)
        let names = (0..<6).map { "c\($0)" }
        for _ in 0..<300 {
            let file = CSVRandomFile(CSVDialect(escape: 0x5C), records: 1, using: &random)
            let record = file.records[0]
            guard !record.isEmpty else { continue }
            let text = Array("2026-01-01,a,".utf8) + file.text
            let parsed = ParsedRecords.parse(
                text, with: CSVParser(.event(), header: ["time", "kind"] + names, dialect: dialect))
            let details = try #require(parsed.details.first ?? nil)
            let object = try JSONSerialization.jsonObject(with: Data(details.utf8)) as? [String: String]
            let expected = Dictionary(uniqueKeysWithValues: zip(names, record).filter { !$1.isEmpty })
            #expect(object == expected)
        }
    }

    // MARK: - Pieces

    private static let allDialects =
        shared.map(\.dialect) + [
            .tsv,
            CSVDialect(
                separator: 0x3B, escape: 0x5C, escapesByLetter: true, comment: 0x23, raggedRows: .filled),
        ]

    /// Sound and broken files alike, whatever arrives at once, and with nothing readable behind each piece.
    @Test func everyPieceGivesTheSame() {
        var random = SeededGenerator(seed: 64)
        let memory = GuardedMemory()
        for _ in 0..<150 {
            for dialect in Self.allDialects {
                let text = Self.broken(dialect, &random)
                let whole = ParsedRecords.parse(text, with: parser(dialect))
                #expect(whole.end == Int64(text.count))
                #expect(whole.endLine == Int64(1 + text.count { $0 == 0x0A }))
                let size = [1, 2, 3, 7, 15, 16, 17, 31, 64].randomElement(using: &random)!
                let parsed = inPieces(text, of: size, dialect, memory)
                #expect(
                    parsed == whole, "\(dialect), pieces of \(size): \(String(decoding: text, as: UTF8.self))"
                )
            }
        }
    }

    /// Records of four cells, most of them events, in which bytes that mean something stand anywhere.
    private static func broken(_ dialect: CSVDialect, _ random: inout SeededGenerator) -> [UInt8] {
        var text: [UInt8] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let file = CSVRandomFile(dialect, records: 1, using: &random)
            text += Array("2026-01-01".utf8) + [dialect.separator, 0x61, dialect.separator] + file.text
        }
        let bytes = [
            dialect.separator, dialect.quote, dialect.escape, dialect.comment, 0x0A, 0x0D, 0x4E, 0, 0xFF,
        ]
        .compactMap { $0 }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let place = Int.random(in: 0...text.count, using: &random)
            text.insert(bytes.randomElement(using: &random)!, at: place)
        }
        return text
    }

    private func inPieces(
        _ text: [UInt8], of size: Int, _ dialect: CSVDialect, _ memory: GuardedMemory
    ) -> ParsedRecords {
        let parser = parser(dialect)
        var batch = EventBatch()
        batch.reset(at: 0, line: 1)
        parser.begin(&batch, objectIdentity: "obj")
        var (start, end) = (0, 0)
        while start < text.count {
            let continuation: Continuation = end == text.count ? .closed : .more
            memory.withBytes(Array(text[start..<end])) { bytes in
                start += parser.parse(bytes, then: continuation, into: &batch)
            }
            end = min(text.count, end + size)
        }
        return ParsedRecords(batch)
    }

    // MARK: -

    private func parser(_ dialect: CSVDialect) -> CSVParser {
        CSVParser(.event(), header: Self.header, dialect: dialect)
    }

    private func parse(_ text: String, _ dialect: CSVDialect) -> ParsedRecords {
        ParsedRecords.parse(Array(text.utf8), with: parser(dialect))
    }

    /// The cells of each record of a sound file.
    private func cells(
        of text: [UInt8], _ dialect: CSVDialect, blankIsEmpty: Bool = false
    ) -> [[String]] {
        var scanner = CSVScanner(dialect)
        var records: [[String]] = []
        text.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            var place = 0
            while place < bytes.count {
                let outcome = scanner.scan(base, from: place, to: bytes.count, isLast: true)
                guard case .record(let end, let next, _) = outcome else {
                    Issue.record("\(outcome) in \(String(decoding: text, as: UTF8.self))")
                    return
                }
                records.append(blankIsEmpty && end == place ? [] : scanner.texts(base))
                place = next
            }
        }
        return records
    }
}

/// The Python of this machine, as a judge of what we read.
private enum Python {
    static let isInstalled = (try? run("print('[]')", [])) != nil

    /// Runs a program with a value on its standard input, as JSON, and returns what it prints.
    static func run(_ program: String, _ input: Any) throws -> Any {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", program]
        let output = Pipe()
        // A file, because a pipe that is full makes both wait for each other.
        let question = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try JSONSerialization.data(withJSONObject: input).write(to: question)
        defer { try? FileManager.default.removeItem(at: question) }
        process.standardInput = try FileHandle(forReadingFrom: question)
        process.standardOutput = output
        try process.run()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return try JSONSerialization.jsonObject(with: answer)
    }
}
