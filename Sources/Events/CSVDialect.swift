/// How a CSV file is written, where it leaves RFC 4180.
package struct CSVDialect: Sendable, Equatable {
    /// Stands between two cells.
    package var separator: UInt8

    /// Opens and closes a cell that may hold separators and line ends; written twice inside, it is one of its text.
    /// Nil: no cell is quoted, and a quote is text like any other.
    package var quote: UInt8?

    /// Makes the byte behind it text, be that a quote, a separator or a line end. Nil: there is none.
    ///
    /// It does so inside quotes and outside, and a quote written twice still counts as one: both as Python's `csv` reads
    /// with an `escapechar`. Who writes no doubled quotes writes none by accident, so that needs no choice.
    package var escape: UInt8?

    /// Whether letters behind the escape stand for control characters: `\b`, `\f`, `\n`, `\r`, `\t` and `\v`. Then a
    /// cell of nothing but `\N` is absent, and an escape before any other letter is text, as it was written.
    package var escapesByLetter: Bool

    /// A line that begins with it is no record, wherever it stands but inside quotes. Nil: there are no comments.
    package var comment: UInt8?

    /// The physical lines before the header, whatever they hold.
    package var skippedLines: Int

    package var header: Header
    package var raggedRows: RaggedRows

    /// Where the names of the columns come from.
    package enum Header: Sendable, Equatable {
        /// The first record that is no comment.
        case inFile
        /// These; the first record is one like any other.
        case given([String])
    }

    /// What becomes of a record that has not as many cells as the header.
    package enum RaggedRows: Sendable, Equatable {
        /// It is rejected: a separator in a cell that was not quoted has most likely moved its values to other columns.
        case rejected
        /// Cells that are missing at its end are absent, and empty ones behind the last column are none. A record with
        /// text behind the last column is rejected still: that text has no name, and would be lost.
        case filled
    }

    package init(
        separator: UInt8 = UInt8(ascii: ","), quote: UInt8? = UInt8(ascii: "\""), escape: UInt8? = nil,
        escapesByLetter: Bool = false, comment: UInt8? = nil, skippedLines: Int = 0,
        header: Header = .inFile, raggedRows: RaggedRows = .rejected
    ) {
        (self.separator, self.quote, self.escape) = (separator, quote, escape)
        (self.escapesByLetter, self.comment, self.skippedLines) = (escapesByLetter, comment, skippedLines)
        (self.header, self.raggedRows) = (header, raggedRows)
    }

    /// Commas, and quotes that are doubled inside.
    package static let rfc4180 = CSVDialect()

    /// Tabs, as PostgreSQL's `COPY` and MySQL's `SELECT INTO OUTFILE` write them: no quotes, and a backslash before what
    /// is not to end a cell.
    package static let tsv = CSVDialect(
        separator: UInt8(ascii: "\t"), quote: nil, escape: UInt8(ascii: "\\"), escapesByLetter: true)

    /// What the parts of the dialect contradict each other in, in words; nil where they do not.
    package var problem: String? {
        let parts: [(name: String, byte: UInt8)] = [
            ("separator", separator), ("quote", quote), ("escape", escape), ("comment", comment),
        ].compactMap { name, byte in byte.map { (name, $0) } }
        for (index, part) in parts.enumerated() {
            switch part.byte {
            case 0: return "the \(part.name) is a zero byte, which no text may hold"
            case 0x0A, 0x0D: return "the \(part.name) is a line end"
            case 0x80...: return "the \(part.name) is no ASCII character"
            default: break
            }
            guard let other = parts[..<index].first(where: { $0.byte == part.byte }) else { continue }
            if part.name == "escape", other.name == "quote" {
                return "the escape is the quote; a quote that is written twice needs no escape"
            }
            return "the \(part.name) is the \(other.name), too"
        }
        if escapesByLetter, escape == nil { return "letters can stand for characters only behind an escape" }
        if escapesByLetter, let escape, CSVDialect.control(for: escape) != nil {
            return "the escape is a letter that stands for a character behind it"
        }
        if skippedLines < 0 { return "\(skippedLines) lines cannot be skipped" }
        if header == .given([]) { return "the header that is given names no column" }
        return nil
    }

    /// The control character that a letter behind the escape stands for.
    static func control(for letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "v"): 0x0B
        default: nil
        }
    }
}
