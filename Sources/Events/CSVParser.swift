#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Parses CSV records under a known header. Empty cells are absent; blank lines yield nothing.
///
/// After a malformed record only its first physical line is rejected, and parsing goes on with the next line: a
/// stray quote then costs one record and not all up to the next quote.
package final class CSVParser: RecordParser {
    private let header: [String]
    private var scanner: CSVScanner
    private let mapper: RecordMapper
    /// What a mapping reads: a column may have two names, and then two slots.
    private let slots: [(slot: Int, column: Int)]
    /// `"name":` for each column that goes into the details; empty for columns that a mapping names.
    private let detailNames: [[UInt8]]

    package init(_ mapping: SourceMapping, header: [String]) {
        self.header = header
        scanner = CSVScanner()
        let tree = FieldTree(mapping.paths)
        mapper = RecordMapper(mapping, tree: tree)
        let slots = mapping.paths.compactMap { path in
            CSVParser.column(of: path, in: header).map { (slot: tree.slot(of: path), column: $0) }
        }
        self.slots = slots
        detailNames = CSVParser.distinct(header).enumerated().map { column, name in
            guard !slots.contains(where: { $0.column == column }) else { return [] }
            var arena = ByteArena()
            var name = name
            name.withUTF8 { JSONText.appendQuoted($0, into: &arena) }
            arena.append(UInt8(ascii: ":"))
            return Array(arena.bytes(of: arena.slice(from: 0)))
        }
    }

    /// The column that a field names; columns match as a whole, dots and all.
    package static func column(of path: FieldPath, in header: [String]) -> Int? {
        path.columnNames.lazy.compactMap { header.firstIndex(of: $0) }.first
    }

    /// The names of a header, of which a JSON object would keep only the last of each: the second `price` is `price_2`.
    private static func distinct(_ header: [String]) -> [String] {
        var taken = Set(header)
        var seen: Set<String> = []
        return header.map { name in
            guard !seen.insert(name).inserted else { return name }
            let free = (2...).lazy.map { "\(name)_\($0)" }.first { !taken.contains($0) }!
            taken.insert(free)
            return free
        }
    }

    package func begin(_ batch: inout EventBatch, objectIdentity: String) {
        mapper.begin(&batch, objectIdentity: objectIdentity)
    }

    package func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, then continuation: Continuation, into batch: inout EventBatch
    ) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var start = 0
        while start < bytes.count, !batch.isFull {
            var next: Int
            var lines: Int
            switch scanner.scan(base, from: start, to: bytes.count, isLast: continuation == .closed) {
            case .record(let end, let following, let lineCount):
                map(
                    base, UnsafeBufferPointer(start: base + start, count: end - start), readable: bytes.count,
                    &batch)
                next = following
                lines = lineCount
            case .malformed(let offset, let problem):
                let end = lineEnd(base, start, bytes.count)
                // Without its line end the line may still grow.
                guard end < bytes.count || continuation == .closed else { return start }
                let cell = scanner.cells.count < header.count ? " (\(header[scanner.cells.count]))" : ""
                rejectLine(base, start, end, "column \(offset - start + 1)\(cell): \(problem)", &batch)
                next = min(end + 1, bytes.count)
                lines = 1
            case .unfinished(let isQuoted):
                let end = lineEnd(base, start, bytes.count)
                let isHopeless =
                    continuation == .closed || continuation == .overlong && start == 0 && end < bytes.count
                guard isQuoted, isHopeless else { return start }
                let cell = scanner.cells.count < header.count ? " of \(header[scanner.cells.count])" : ""
                rejectLine(base, start, end, "the quote that opens the cell\(cell) is never closed", &batch)
                next = min(end + 1, bytes.count)
                lines = 1
            }
            batch.range.end += Int64(next - start)
            // The last line of a closed object may lack its line end.
            batch.range.endLine += Int64(next > start && base[next - 1] == 0x0A ? lines : lines - 1)
            start = next
        }
        return start
    }

    private func lineEnd(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
        memchr(base + start, 0x0A, end - start).map {
            UnsafeRawPointer(base).distance(to: UnsafeRawPointer($0))
        } ?? end
    }

    private func rejectLine(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ reason: String, _ batch: inout EventBatch
    ) {
        batch.reject(
            UnsafeBufferPointer(start: base + start, count: end - start), line: batch.range.endLine,
            position: batch.range.end, code: .malformedCSV, reason: reason)
    }

    @inline(__always)
    private func map(
        _ base: UnsafePointer<UInt8>, _ record: UnsafeBufferPointer<UInt8>, readable: Int,
        _ batch: inout EventBatch
    ) {
        let line = batch.range.endLine
        let position = batch.range.end
        if record.isEmpty {
            batch.filtered += 1
            return
        }
        guard scanner.cells.count == header.count else {
            batch.reject(
                record, line: line, position: position, code: .malformedCSV,
                reason: "the record has \(scanner.cells.count) cells, the header \(header.count)")
            return
        }
        if scanner.hasMultibyte, let offset = firstInvalidUTF8(record) {
            batch.reject(
                record, line: line, position: position, code: .invalidUTF8,
                reason: "column \(offset + 1): these bytes are not UTF-8")
            return
        }
        if let start = record.baseAddress, memchr(start, 0, record.count) != nil {
            batch.reject(
                record, line: line, position: position, code: .nulCharacter,
                reason: "a zero byte is a character that PostgreSQL cannot store")
            return
        }
        mapper.clear()
        for (slot, column) in slots {
            let cell = scanner.cells[column]
            guard cell.end > cell.start else { continue }
            mapper.values[slot] = FieldValue(
                form: cell.hasDoubledQuotes ? .quotedCell : .cell, start: cell.start, end: cell.end)
        }
        let remainder = mapper.wantsRemainder ? appendRemainder(base, &batch.arena) : .absent
        mapper.map(
            record, base: base, readable: readable, remainder: remainder, line: line, position: position,
            into: &batch)
    }

    /// The columns that no mapping names, as a JSON object of strings.
    private func appendRemainder(_ base: UnsafePointer<UInt8>, _ arena: inout ByteArena) -> TextSlice {
        let mark = arena.count
        arena.append(UInt8(ascii: "{"))
        for (column, cell) in scanner.cells.enumerated()
        where !detailNames[column].isEmpty && cell.end > cell.start {
            if arena.count > mark + 1 { arena.append(UInt8(ascii: ",")) }
            arena.append(detailNames[column])
            if cell.hasDoubledQuotes {
                var scratch = ByteArena(capacity: cell.end - cell.start)
                CSVScanner.appendUndoubled(base, from: cell.start, to: cell.end, into: &scratch)
                JSONText.appendQuoted(scratch.bytes(of: scratch.slice(from: 0)), into: &arena)
            } else {
                JSONText.appendQuoted(
                    UnsafeBufferPointer(start: base + cell.start, count: cell.end - cell.start), into: &arena)
            }
        }
        arena.append(UInt8(ascii: "}"))
        return arena.slice(from: mark)
    }
}
