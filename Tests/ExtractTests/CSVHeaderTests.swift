import Events
import Extract
import Testing

/// What stands in a CSV file before its records.
@Suite struct CSVHeaderTests {
    private let folder: FolderOfFiles

    init() throws { folder = try FolderOfFiles() }

    @Test(
        arguments: [
            // dialect, text, columns, bytes, lines
            (.rfc4180, "time,\"ki\"\"nd\"\r\n1,2\n", ["time", "ki\"nd"], 15, 1),
            (.rfc4180, "\u{FEFF}time,kind", ["time", "kind"], 12, 0),
            (.rfc4180, "a,\"b\nc\"\n", ["a", "b\nc"], 8, 2), (.rfc4180, "a,a,,\n", ["a", "a", "", ""], 6, 1),
            (.tsv, "time\tki\\tnd\n", ["time", "ki\tnd"], 12, 1),
            (CSVDialect(skippedLines: 2), "report \"\n\ntime,kind\n", ["time", "kind"], 20, 3),
            (CSVDialect(skippedLines: 2), "\u{FEFF}a\nb\r\nc\n", ["c"], 10, 3),
            (CSVDialect(skippedLines: 3), "a\nb", [""], 3, 1),
            (CSVDialect(comment: 0x23), "#one\n#two \"\r\ntime,#kind\n#\n", ["time", "#kind"], 24, 3),
            (CSVDialect(comment: 0x23), "#one\n#two", [], 9, 1),
            (CSVDialect(comment: 0x23, skippedLines: 1), "x\n#y\nz\n", ["z"], 7, 3),
            (CSVDialect(header: .given(["a", "b"])), "1,2\n", ["a", "b"], 0, 0),
            (CSVDialect(header: .given(["a", "b"])), "\u{FEFF}1,\"2", ["a", "b"], 3, 0),
            (CSVDialect(comment: 0x23, skippedLines: 1, header: .given(["a"])), "x\n#y\n1\n", ["a"], 2, 1),
        ] as [(CSVDialect, String, [String], Int, Int)])
    func reads(dialect: CSVDialect, text: String, columns: [String], bytes: Int, lines: Int) throws {
        try folder.write("a.csv", text)
        let header = try CSVHeader(try folder.file("a.csv"), dialect: dialect)
        #expect(header.columns == columns)
        #expect(header.bytes == bytes)
        #expect(header.lines == lines)
        #expect(header.isWhole)
    }

    @Test func tellsTheLineOfAMalformedHeader() throws {
        try folder.write("a.csv", "x\n#\ntime,\"ki\"nd\n")
        let error = try #require(throws: ExtractError.self) {
            _ = try CSVHeader(
                try folder.file("a.csv"), dialect: CSVDialect(comment: 0x23, skippedLines: 1))
        }
        #expect("\(error)".contains("the header, line 3, column 10: text follows a closing quote"))
    }
}
