import Events
import Fuzz
import Testing

/// RFC 4180, section 2. The cells agree with those of Python's `csv.reader(strict=True)`, but for a lone carriage
/// return, which ends a record in Python.
@Suite struct CSVScannerTests {
    @Test(arguments: [
        ("a", ["a"]), ("a,b,c", ["a", "b", "c"]), ("", [""]), (",", ["", ""]), ("a,", ["a", ""]),
        (",a", ["", "a"]),
        (",,", ["", "", ""]), (" a , b ", [" a ", " b "]), ("a b", ["a b"]), ("é,😀", ["é", "😀"]),
        ("a;b\tc", ["a;b\tc"]),
        (#""a""#, ["a"]), (#""a","b""#, ["a", "b"]), (#""""#, [""]), (#""","""#, ["", ""]),
        (#"a,"b",c"#, ["a", "b", "c"]),
        (#""a,b",c"#, ["a,b", "c"]), (#""a""b""#, [#"a"b"#]), (#""""""#, [#"""#]), (#""""a""""#, [#""a""#]),
        (#""a""""b","""c""#, [#"a""b"#, #""c"#]), (#"" a ",b"#, [" a ", "b"]), (#"'a','b'"#, ["'a'", "'b'"]),
        (#"a\,b"#, ["a\\", "b"]), (#""é""ü""#, [#"é"ü"#]),
    ])
    func findsCells(record: String, cells: [String]) {
        for end in ["\n", "\r\n"] {
            let size = (record + end).utf8.count
            let expected = Scan(.record(end: record.utf8.count, next: size, lines: 1), cells)
            #expect(scan(record + end, isLast: false) == expected)
            #expect(scan(record + end, isLast: true) == expected)
            #expect(scan(record + end + "x\"y", isLast: true) == expected)
        }
        let size = record.utf8.count
        #expect(scan(record, isLast: true) == Scan(.record(end: size, next: size, lines: 1), cells))
        if case .unfinished = scan(record, isLast: false).outcome { return }
        Issue.record("\(record) may go on")
    }

    @Test(arguments: [
        ("\"a\nb\"", ["a\nb"], 2), ("\"a\r\nb\"", ["a\r\nb"], 2), ("\"\n\n\"", ["\n\n"], 3),
        ("x,\"a\n\"\"\n,\",y", ["x", "a\n\"\n,", "y"], 3),
        ("\"a\rb\"", ["a\rb"], 1), ("\"\r\n\"", ["\r\n"], 2), ("\"a\n\",\"\nb\"", ["a\n", "\nb"], 3),
    ])
    func keepsLineEndsInsideQuotes(record: String, cells: [String], lines: Int) {
        for end in ["\n", "\r\n", ""] {
            let size = (record + end).utf8.count
            let expected = Scan(.record(end: record.utf8.count, next: size, lines: lines), cells)
            #expect(scan(record + end, isLast: true) == expected)
        }
    }

    /// A carriage return that no line feed follows is content.
    @Test func keepsLoneCarriageReturns() {
        #expect(scan("a\rb,\r\r\n", isLast: true).cells == ["a\rb", "\r"])
        #expect(scan("\r\n", isLast: true) == Scan(.record(end: 0, next: 2, lines: 1), [""]))
        #expect(scan("a\r", isLast: false).outcome == .unfinished(isQuoted: false))
    }

    /// A file that was cut between the two bytes of its last line end: quoted or not, the cell ends alike.
    @Test func endsAlikeAtACutLineEnd() {
        #expect(scan("b,a\r", isLast: true).cells == ["b", "a"])
        #expect(scan("b,a\r", isLast: true).outcome == .record(end: 3, next: 4, lines: 1))
        #expect(scan("b,\"a\"\r", isLast: true) == Scan(.record(end: 5, next: 6, lines: 1), ["b", "a"]))
    }

    @Test(arguments: [
        ("\"a\"b\n", 3), ("\"a\" ,b\n", 3), ("\"a\"\rb\n", 3), ("x,\"a\"b\n", 5), ("\"a\n\"b\n", 4),
        ("a\"b\n", 1), ("a\"\"b\n", 1), (" \"a\"\n", 1), ("a,b\"\n", 3), ("\"a\"\"\"b\n", 5), ("é\"\n", 2),
    ])
    func refusesStrayQuotes(text: String, offset: Int) {
        for isLast in [true, false] {
            guard case .malformed(offset, _) = scan(text, isLast: isLast).outcome else {
                Issue.record("\(text): \(scan(text, isLast: isLast))")
                continue
            }
        }
    }

    @Test(arguments: [
        ("\"", true), ("\"a", true), ("\"a\n", true), ("\"a\"\"", true), ("x,\"", true),
        ("\"a\"\"b\n\n", true),
        ("", false), ("a", false), ("a,", false), ("\"a\"", false), ("\"a\",", false), ("\"a\"\r", false),
        ("\r", false),
    ])
    func asksForMore(text: String, isQuoted: Bool) {
        #expect(scan(text, isLast: false).outcome == .unfinished(isQuoted: isQuoted))
        if isQuoted, text != "\"a\"\"" {
            #expect(scan(text, isLast: true).outcome == .unfinished(isQuoted: true))
        }
    }

    @Test func takesOtherSeparators() {
        #expect(scan("a;b,c;\"d;e\"\n", isLast: true, separator: ";").cells == ["a", "b,c", "d;e"])
        #expect(scan("a\tb\n", isLast: true, separator: "\t").cells == ["a", "b"])
    }

    /// Random cells, written by the rules of the RFC, come back.
    @Test func readsWhatIsWritten() {
        var random = SeededGenerator(seed: 4180)
        let pieces = ["a", "é", ",", "\"", "\n", "\r\n", "\r", " ", "", "😀"]
        for _ in 0..<2_000 {
            let cells = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    pieces.randomElement(using: &random) ?? ""
                }
                .joined()
            }
            let written = cells.map { cell in
                let bytes = Array(cell.utf8)
                let isPlain = !bytes.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
                if isPlain, Bool.random(using: &random) { return cell }
                return "\"" + cell.replacing("\"", with: "\"\"") + "\""
            }
            let record = written.joined(separator: ",")
            let lines = record.utf8.count { $0 == 0x0A } + 1
            for end in ["\n", "\r\n"] {
                let expected = Scan(
                    .record(end: record.utf8.count, next: (record + end).utf8.count, lines: lines), cells)
                #expect(scan(record + end, isLast: false) == expected)
            }
        }
    }

    private struct Scan: Equatable {
        let outcome: CSVScanner.Outcome
        let cells: [String]

        init(_ outcome: CSVScanner.Outcome, _ cells: [String]) {
            self.outcome = outcome
            self.cells = cells
        }
    }

    private func scan(_ text: String, isLast: Bool, separator: Unicode.Scalar = ",") -> Scan {
        var scanner = CSVScanner(CSVDialect(separator: UInt8(ascii: separator)))
        // One byte behind the end that would change what is read.
        return (Array(text.utf8) + [0x22]).withUnsafeBufferPointer { bytes in
            let base = bytes.baseAddress!
            let outcome = scanner.scan(base, from: 0, to: bytes.count - 1, isLast: isLast)
            guard case .record = outcome else { return Scan(outcome, []) }
            return Scan(outcome, scanner.texts(base))
        }
    }
}
