import Events
import Fuzz

/// A CSV file that is written at random in one of a dialect's many ways, and the cells that it must be read as.
struct CSVRandomFile {
    private(set) var text: [UInt8] = []
    /// A blank line is a record of no cells.
    private(set) var records: [[String]] = []

    private static let pieces = [
        "a", "bc", "é", "😀", " ", "", ",", ";", "\t", "|", "'", "\"", "\"\"", "\\", "\\\\", "\n", "\r\n",
        "\n\n",
        "N", "#", "long enough for more than one look at sixteen bytes",
    ]

    /// - Parameters:
    ///   - canQuote, canEscape: how a byte that means something may be written.
    ///   - doubles: whether a quote in a quoted cell may be doubled.
    init(
        _ dialect: CSVDialect, doubles: Bool = true, records count: Int, using random: inout SeededGenerator
    ) {
        let lineEnd = Bool.random(using: &random) ? "\n" : "\r\n"
        for index in 0..<count {
            var cells: [String] = []
            let start = text.count
            if Int.random(in: 0..<10, using: &random) > 0 {
                let width = Int.random(in: 1...6, using: &random)
                for column in 0..<width {
                    let (cell, written) = CSVRandomFile.cell(dialect, doubles, &random)
                    if column > 0 { text.append(dialect.separator) }
                    // A record of one cell without a byte is a blank line.
                    if width > 1 || !written.isEmpty { cells.append(cell) }
                    text += written
                }
            }
            records.append(cells)
            // A blank line without a line end is none. And Python takes a last record for unfinished that holds an escaped
            // line end and has none of its own.
            let endsFile =
                index == count - 1 && !cells.isEmpty && Bool.random(using: &random)
                && (dialect.escape == nil || !text[start...].contains(0x0A))
            if !endsFile { text += Array(lineEnd.utf8) }
        }
    }

    private static func cell(
        _ dialect: CSVDialect, _ doubles: Bool, _ random: inout SeededGenerator
    ) -> (String, [UInt8]) {
        let cell = (0..<Int.random(in: 0...4, using: &random))
            .map { _ in pieces.randomElement(using: &random)! }.joined()
        let isQuoted = dialect.quote != nil && Bool.random(using: &random)
        var written: [UInt8] = []
        var kept: [UInt8] = []
        for byte in cell.utf8 {
            if isQuoted, byte == dialect.quote {
                guard doubles || dialect.escape != nil else { continue }
                let isDoubled = doubles && (dialect.escape == nil || Bool.random(using: &random))
                written += [isDoubled ? byte : dialect.escape!, byte]
            } else if byte == dialect.escape
                || !isQuoted && [0x0A, 0x0D, dialect.separator, dialect.quote].contains(byte)
            {
                // Unquoted, an escaped CR before an escaped LF is read in two ways, even by Python.
                guard let escape = dialect.escape, byte != 0x0D else { continue }
                written += [escape, byte]
            } else {
                written.append(byte)
            }
            kept.append(byte)
        }
        if isQuoted, let quote = dialect.quote { written = [quote] + written + [quote] }
        return (String(decoding: kept, as: UTF8.self), written)
    }
}
