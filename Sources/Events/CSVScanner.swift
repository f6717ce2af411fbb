/// Finds the cells of one record (RFC 4180, but for its dialect). A line ends with LF or CRLF; a lone CR is content.
/// Owns the memory of the cells.
package struct CSVScanner: ~Copyable {
    package struct Cell: Sendable {
        /// Of the content, without its quotes.
        package var start: Int
        package var end: Int
        /// Whether the content stands for another text: it holds doubled quotes or escapes.
        package var isEncoded: Bool
    }

    package enum Outcome: Equatable {
        /// The record's content ends at `end`; the next record begins at `next`, `lines` physical lines on. A comment is a
        /// record without cells, a blank line one of a single empty cell.
        case record(end: Int, next: Int, lines: Int)
        /// The bytes end before the record does.
        case unfinished(isQuoted: Bool)
        case malformed(offset: Int, problem: String)
    }

    /// The cells found last; of a malformed or unfinished record those before the cell where it ends.
    private(set) var cells: UnsafeMutablePointer<Cell>
    package private(set) var cellCount = 0
    private var capacity = 32
    /// Whether any of the cells is encoded.
    private(set) var hasEncoded = false
    /// False where surely no byte of the record is above 0x7F.
    private(set) var mayHoldMultibyte = false
    /// False where surely no byte of the record is zero.
    private(set) var mayHoldZero = false

    /// Where `decodeCells` writes.
    private var decoded = ByteArena()

    private let dialect: CSVDialect
    private let kinds: CSVMarks.Kinds

    package init(_ dialect: CSVDialect = .rfc4180) {
        self.dialect = dialect
        kinds = CSVMarks.Kinds(dialect)
        cells = .allocate(capacity: capacity)
    }

    deinit { cells.deallocate() }

    /// Scans the record at `start`; with `isLast`, the end of the bytes ends the record too.
    package mutating func scan(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, isLast: Bool
    ) -> Outcome {
        cellCount = 0
        hasEncoded = false
        if let comment = dialect.comment, start < end, base[start] == comment {
            return scanComment(base, from: start, to: end, isLast: isLast)
        }
        var marks = CSVMarks(base, from: start, to: end, kinds)
        var cellStart = start
        /// Like no byte where the dialect has none.
        let quote = dialect.quote.map(Int.init) ?? -1
        var lines = 1
        /// The byte that an escape made text last.
        var escaped = start - 1
        while true {
            var place = marks.next()
            if place < end, base[place] == kinds.separator {
                append(Cell(start: cellStart, end: place, isEncoded: false))
                cellStart = place &+ 1
                continue
            }
            if place == cellStart, place < end, Int(base[place]) == quote {
                let before = marks
                let closing = marks.next()
                if closing &+ 1 < end, Int(base[closing]) == quote,
                    base[closing &+ 1] == kinds.separator
                {
                    append(Cell(start: cellStart &+ 1, end: closing, isEncoded: false))
                    cellStart = marks.next() &+ 1
                    continue
                }
                marks = before
            }
            if place < end, base[place] == 0x0A {
                let hasReturn = place > cellStart && base[place &- 1] == 0x0D
                append(Cell(start: cellStart, end: hasReturn ? place &- 1 : place, isEncoded: false))
            } else {
                // A copy, so that the marks of all other cells are kept in registers.
                var walk = Walk(marks: marks, place: place, lines: lines, escaped: escaped)
                if let outcome = passCell(base, from: cellStart, to: end, isLast: isLast, &walk) {
                    return outcome
                }
                (marks, place, lines, escaped) = (walk.marks, walk.place, walk.lines, walk.escaped)
                if place < end, base[place] == kinds.separator {
                    cellStart = place &+ 1
                    continue
                }
            }
            mayHoldMultibyte = marks.mayHoldMultibyte
            mayHoldZero = marks.mayHoldZero
            let hasReturn = place > max(start, escaped &+ 1) && base[place &- 1] == 0x0D
            return .record(
                end: hasReturn ? place &- 1 : place, next: min(place &+ 1, end), lines: lines)
        }
    }

    /// Where a scan is.
    private struct Walk {
        var marks: CSVMarks
        /// The byte that was found last, or the end.
        var place: Int
        var lines: Int
        var escaped: Int
    }

    /// Passes a cell with a quote or an escape, or the last one of an object, up to the separator or line end behind it.
    ///
    /// - Returns: nil, or why the record ends with this cell.
    @inline(never)
    private mutating func passCell(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, isLast: Bool, _ walk: inout Walk
    ) -> Outcome? {
        var cell = Cell(start: start, end: start, isEncoded: false)
        if walk.place == start, start < end, base[start] == dialect.quote {
            guard let closing = closingQuote(base, end, &cell, &walk) else {
                return .unfinished(isQuoted: true)
            }
            (cell.start, cell.end) = (start + 1, closing)
            let behind = closing + 1
            if !isLast, behind == end || behind + 1 == end && base[behind] == 0x0D {
                return .unfinished(isQuoted: false)
            }
            // A CR before the line end, or before the end of the last record, belongs to it.
            let hasReturn =
                walk.place == behind + 1 && base[behind] == 0x0D
                && (walk.place == end || base[walk.place] == 0x0A)
            guard hasReturn || walk.place == behind && isCellEnd(base, behind, end) else {
                return .malformed(
                    offset: behind,
                    problem: "text follows a closing quote; a quote inside is written twice")
            }
        } else {
            while !isCellEnd(base, walk.place, end) {
                if base[walk.place] == dialect.quote {
                    return .malformed(
                        offset: walk.place,
                        problem: "a quote stands inside a cell that does not begin with one")
                }
                guard walk.place + 1 < end else {
                    guard isLast else { return .unfinished(isQuoted: false) }
                    return .malformed(offset: walk.place, problem: "nothing follows an escape")
                }
                cell.isEncoded = true
                passEscape(base, &walk)
            }
            if walk.place == end, !isLast { return .unfinished(isQuoted: false) }
            cell.end = walk.place
            let isLineEnd = walk.place == end || base[walk.place] == 0x0A
            if isLineEnd, cell.end > max(start, walk.escaped + 1), base[cell.end - 1] == 0x0D {
                cell.end -= 1
            }
            if isNull(cell, base) { cell = Cell(start: start, end: start, isEncoded: false) }
        }
        append(cell)
        return nil
    }

    /// The quote that closes the cell whose opening quote was found last; finds the byte behind it.
    @inline(__always)
    private func closingQuote(
        _ base: UnsafePointer<UInt8>, _ end: Int, _ cell: inout Cell, _ walk: inout Walk
    ) -> Int? {
        walk.place = walk.marks.nextInCell()
        while walk.place < end {
            let byte = base[walk.place]
            if byte == dialect.quote {
                let closing = walk.place
                walk.place = walk.marks.nextInCell()
                guard walk.place == closing + 1, walk.place < end, base[walk.place] == byte else {
                    return closing
                }
                cell.isEncoded = true
            } else if byte == dialect.escape {
                guard walk.place + 1 < end else { return nil }
                cell.isEncoded = true
                passEscape(base, &walk)
                continue
            } else if byte == 0x0A {
                walk.lines += 1
            }
            walk.place = walk.marks.nextInCell()
        }
        return nil
    }

    /// Goes from an escape to what is found behind the byte that it makes text.
    private func passEscape(_ base: UnsafePointer<UInt8>, _ walk: inout Walk) {
        walk.escaped = walk.place + 1
        if base[walk.escaped] == 0x0A { walk.lines += 1 }
        walk.place = walk.marks.nextInCell()
        if walk.place == walk.escaped { walk.place = walk.marks.nextInCell() }
    }

    @inline(__always)
    private func isCellEnd(_ base: UnsafePointer<UInt8>, _ place: Int, _ end: Int) -> Bool {
        place == end || base[place] == kinds.separator || base[place] == 0x0A
    }

    /// Whether a cell is nothing but `\N`, and that means null. Within quotes it is text.
    private func isNull(_ cell: Cell, _ base: UnsafePointer<UInt8>) -> Bool {
        cell.isEncoded && dialect.escapesByLetter && cell.end - cell.start == 2
            && base[cell.start + 1] == UInt8(ascii: "N")
    }

    /// A comment is one physical line, quotes or not.
    @inline(never)
    private func scanComment(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, isLast: Bool
    ) -> Outcome {
        guard let newline = UnsafeBufferPointer(start: base, count: end).firstNewline(from: start) else {
            return isLast ? .record(end: end, next: end, lines: 1) : .unfinished(isQuoted: false)
        }
        return .record(
            end: base[newline - 1] == 0x0D ? newline - 1 : newline, next: newline + 1, lines: 1)
    }

    @inline(__always)
    private mutating func append(_ cell: Cell) {
        if cellCount == capacity { grow() }
        cells[cellCount] = cell
        cellCount &+= 1
        if cell.isEncoded { hasEncoded = true }
    }

    /// Makes the record one of this many cells: missing ones are empty. False where it has text behind them.
    mutating func fit(to count: Int) -> Bool {
        while cellCount < count { append(Cell(start: 0, end: 0, isEncoded: false)) }
        while cellCount > count, cells[cellCount - 1].end == cells[cellCount - 1].start { cellCount -= 1 }
        return cellCount == count
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<Cell>.allocate(capacity: capacity * 2)
        larger.update(from: cells, count: cellCount)
        cells.deallocate()
        cells = larger
        capacity *= 2
    }

    // MARK: - Texts

    /// Writes the texts of the cells found last, if one of them is encoded, and makes their places those in what it
    /// returns, which is good until the next call.
    mutating func decodeCells(_ base: UnsafePointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        decoded.removeAll()
        for index in 0..<cellCount {
            let mark = decoded.count
            CSVScanner.appendText(of: cells[index], base, dialect, into: &decoded)
            cells[index] = Cell(start: mark, end: decoded.count, isEncoded: false)
        }
        return decoded.bytes(of: decoded.slice(from: 0))
    }

    private static func appendText(
        of cell: Cell, _ base: UnsafePointer<UInt8>, _ dialect: CSVDialect, into arena: inout ByteArena
    ) {
        guard cell.isEncoded else {
            arena.append(base + cell.start, cell.end - cell.start)
            return
        }
        let (quote, escape) = (dialect.quote ?? 0x0A, dialect.escape ?? 0x0A)
        // What was not appended yet begins here.
        var rest = cell.start
        var place = cell.start
        while place < cell.end {
            let byte = base[place]
            if byte == escape, dialect.escape != nil, place + 1 < cell.end {
                arena.append(base + rest, place - rest)
                appendEscaped(base[place + 1], dialect, into: &arena)
                place += 2
                rest = place
            } else if byte == quote, dialect.quote != nil {
                // A quote that no escape stands before has its double behind it.
                arena.append(base + rest, place + 1 - rest)
                place += 2
                rest = place
            } else {
                place += 1
            }
        }
        if rest < cell.end { arena.append(base + rest, cell.end - rest) }
    }

    private static func appendEscaped(_ byte: UInt8, _ dialect: CSVDialect, into arena: inout ByteArena) {
        guard dialect.escapesByLetter else { return arena.append(byte) }
        if let control = CSVDialect.control(for: byte) { return arena.append(control) }
        // Before a byte that would mean nothing the escape is text.
        let meansSomething =
            byte == dialect.separator || byte == dialect.quote || byte == dialect.escape || byte == 0x0A
            || byte == 0x0D
        if !meansSomething, let escape = dialect.escape { arena.append(escape) }
        arena.append(byte)
    }

    /// The texts of the cells found last.
    package func texts(_ base: UnsafePointer<UInt8>) -> [String] {
        (0..<cellCount).map { index in
            var arena = ByteArena()
            CSVScanner.appendText(of: cells[index], base, dialect, into: &arena)
            return arena.string(of: arena.slice(from: 0))
        }
    }
}
