/// Finds the cells of one CSV record (RFC 4180). A line ends with LF or CRLF; a lone CR is content.
package struct CSVScanner {
    package struct Cell: Sendable {
        /// Of the content, without its quotes.
        package var start: Int
        package var end: Int
        package var hasDoubledQuotes: Bool
    }

    package enum Outcome: Equatable {
        /// The record's content ends at `end`; the next record begins at `next`, `lines` physical lines on.
        case record(end: Int, next: Int, lines: Int)
        /// The bytes end before the record does.
        case unfinished(isQuoted: Bool)
        case malformed(offset: Int, problem: String)
    }

    package private(set) var cells: [Cell] = []
    /// Whether any byte of the record is above 0x7F.
    package private(set) var hasMultibyte = false
    private let separator: UInt8

    package init(separator: UInt8 = UInt8(ascii: ",")) {
        self.separator = separator
    }

    /// Scans the record at `start`; with `isLast`, the end of the bytes ends the record too.
    package mutating func scan(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, isLast: Bool
    ) -> Outcome {
        cells.removeAll(keepingCapacity: true)
        hasMultibyte = false
        var place = start
        var lines = 1
        while true {
            if place < end, base[place] == UInt8(ascii: "\"") {
                var cell = Cell(start: place + 1, end: 0, hasDoubledQuotes: false)
                guard let closing = closingQuote(base, after: place, end, &cell, &lines) else {
                    return .unfinished(isQuoted: true)
                }
                cell.end = closing
                place = closing + 1
                if place == end, !isLast { return .unfinished(isQuoted: false) }
                if place + 1 == end, base[place] == 0x0D, !isLast { return .unfinished(isQuoted: false) }
                // A CR before the line end, or before the end of the last record, belongs to it.
                let endsWithCR =
                    place < end && base[place] == 0x0D && (place + 1 == end || base[place + 1] == 0x0A)
                guard place == end || base[place] == separator || base[place] == 0x0A || endsWithCR else {
                    return .malformed(
                        offset: place,
                        problem: "text follows a closing quote; a quote inside is written twice")
                }
                cells.append(cell)
                if endsWithCR { place += 1 }
            } else {
                let cellStart = place
                while place < end, base[place] != separator, base[place] != 0x0A {
                    if base[place] == UInt8(ascii: "\"") {
                        return .malformed(
                            offset: place,
                            problem: "a quote stands inside a cell that does not begin with one")
                    }
                    if base[place] >= 0x80 { hasMultibyte = true }
                    place += 1
                }
                if place == end, !isLast { return .unfinished(isQuoted: false) }
                let isLineEnd = place == end || base[place] == 0x0A
                let cellEnd = isLineEnd && place > cellStart && base[place - 1] == 0x0D ? place - 1 : place
                cells.append(Cell(start: cellStart, end: cellEnd, hasDoubledQuotes: false))
            }
            if place == end || base[place] == 0x0A {
                let contentEnd = place > start && base[place - 1] == 0x0D ? place - 1 : place
                return .record(end: contentEnd, next: min(place + 1, end), lines: lines)
            }
            place += 1
        }
    }

    private mutating func closingQuote(
        _ base: UnsafePointer<UInt8>, after opening: Int, _ end: Int, _ cell: inout Cell, _ lines: inout Int
    ) -> Int? {
        var place = opening + 1
        while place < end {
            switch base[place] {
            case UInt8(ascii: "\""):
                guard place + 1 < end, base[place + 1] == UInt8(ascii: "\"") else { return place }
                cell.hasDoubledQuotes = true
                place += 2
            case 0x0A:
                lines += 1
                place += 1
            case 0x80...:
                hasMultibyte = true
                place += 1
            default: place += 1
            }
        }
        return nil
    }

    /// Appends a cell's content with its doubled quotes made single.
    static func appendUndoubled(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, into arena: inout ByteArena
    ) {
        var place = start
        while place < end {
            arena.append(base[place])
            place += base[place] == UInt8(ascii: "\"") ? 2 : 1
        }
    }

    /// The texts of the cells found last.
    package func texts(_ base: UnsafePointer<UInt8>) -> [String] {
        cells.map { cell in
            var arena = ByteArena()
            if cell.hasDoubledQuotes {
                CSVScanner.appendUndoubled(base, from: cell.start, to: cell.end, into: &arena)
            } else {
                arena.append(base + cell.start, cell.end - cell.start)
            }
            return arena.string(of: arena.slice(from: 0))
        }
    }
}
